"""Exit codes, and one line for what nobody foresaw."""

import subprocess
import sys

import pytest

from llm_encoders import EncoderError, UsageError
from llm_encoders.jobs.console import TRACEBACK, end_command, run_command


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (EncoderError("a.json, line 1: wrong."), 1, "error: a.json, line 1: wrong."),
        (UsageError("no."), 2, "error: no."),
        (KeyboardInterrupt(), 130, "run the same command again to resume"),
        (KeyError("x"), 1, "unexpected KeyError: 'x'. This is a fault of the program: set"),
        (MemoryError(), 1, "out of memory"),
        (Exception("I/O error (os error 28)"), 1, "error: No space left on device. What is finis"),
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


@pytest.mark.parametrize("module", ["train", "score", "mine_negatives", "export"])
def test_nothing_slow_is_imported_before_interrupts_are_sentences(module):
    """PyTorch takes seconds to import; whoever is impatient then gets one line."""
    code = (
        f"import sys, llm_encoders.{module}.__main__\n"
        "print([name for name in ('torch', 'transformers', 'numpy') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_an_interrupt_while_a_command_is_read(capsys):
    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        end_command(main)
    assert ended.value.code == 130
    assert capsys.readouterr().err == "Interrupted.\n"
