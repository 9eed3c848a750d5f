"""Values of command lines that cannot be meant."""

import argparse
import subprocess
from pathlib import Path

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


def test_the_home_folder(monkeypatch, tmp_path):
    """As a shell has it, which leaves ``--output=~/vec`` alone."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("~/vec", "~", "a/~/b", "~other/vec", "./~"):
        shell = subprocess.run(["sh", "-c", f"echo {value}"], capture_output=True, text=True)
        expected = shell.stdout.strip()
        assert arguments.place(value) == arguments.home(value) == expected
        assert arguments.path(value) == arguments.output(value) == Path(expected)


def test_a_link_that_leads_nowhere(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for path in (tmp_path / "link", tmp_path / "link" / "vectors"):
        with pytest.raises(argparse.ArgumentTypeError, match="link' is a link to .*gone, which"):
            arguments.output(str(path))
    (tmp_path / "gone").mkdir()
    assert arguments.output(str(tmp_path / "link" / "a")) == tmp_path / "link" / "a"
