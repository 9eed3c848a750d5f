"""Exit codes, and one line for what nobody foresaw."""

import pytest

from llm_encoders import EncoderError, UsageError
from llm_encoders.jobs.console import TRACEBACK, run_command


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (EncoderError("a.json, line 1: wrong."), 1, "error: a.json, line 1: wrong."),
        (UsageError("no."), 2, "error: no."),
        (KeyboardInterrupt(), 130, "run the same command again to resume"),
        (KeyError("x"), 1, "unexpected KeyError: 'x'. This is a fault of the program: set"),
        (MemoryError(), 1, "out of memory"),
    ],
)
def test_errors_are_one_line(capsys, monkeypatch, error, code, said):
    monkeypatch.delenv(TRACEBACK, raising=False)

    def work():
        raise error

    assert run_command(work) == code
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_the_traceback_on_request(monkeypatch):
    monkeypatch.setenv(TRACEBACK, "1")

    def work():
        raise KeyError("x")

    with pytest.raises(KeyError):
        run_command(work)


def test_success():
    assert run_command(lambda: None) == 0
