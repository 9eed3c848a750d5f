"""Values of command lines that cannot be meant."""

import argparse

import pytest

from llm_encoders.jobs import arguments


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        (arguments.count, "0", "0 is not between 1 and"),
        (arguments.count, "-1", "-1 is not between"),
        (arguments.count, str(2**63), "is not between"),
        (arguments.count, "1.5", "no integer"),
        (arguments.count, "9" * 5000, "no integer"),
        (arguments.seed, "-1", "between 0 and 4,294,967,295"),
        (arguments.seed, str(2**32), "between"),
        (arguments.number, "nan", "not finite"),
        (arguments.number, "-inf", "not finite"),
        (arguments.number, "x", "no number"),
        (arguments.text, " ", "empty"),
        (arguments.output, "", "empty"),
        (arguments.output, "a\0b", "NUL"),
        (arguments.output, "/", "root"),
        (arguments.output, "/tmp/..", "root"),
    ],
)
def test_refused(kind, value, problem):
    with pytest.raises(argparse.ArgumentTypeError, match=problem):
        kind(value)


def test_taken():
    assert arguments.count("3") == 3
    assert arguments.integer(0)("0") == 0
    assert arguments.seed("4294967295") == 2**32 - 1
    assert arguments.number("-0.5") == -0.5
    assert str(arguments.output("a/b")) == "a/b"
