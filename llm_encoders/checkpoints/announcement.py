"""Lines on standard error for what a checkpoint's files leave open."""

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.checkpoints.teacher import TEACHER_NAME

_said: set[str] = set()
_silent = False


def announce(files: Checkpoint) -> None:
    """Say what was derived and from which file, once in a process for a name.

    Named encoders and folders with a contract of ours say nothing: theirs is written down. Of a
    query tower it is said where nothing tells whether its teacher is its own.
    """
    if files.teacher is not None and files.teacher.student is None and not _silent:
        _say(
            f"{files.name}: {TEACHER_NAME} does not say to which weights it belongs, so it is not "
            f"known whether {files.teacher.name} is their teacher. Distil again to have it "
            "recorded."
        )
    if files.derived is None or files.preset is not None or _silent:
        return
    derived, contract = files.derived, files.contract
    kept = {  # what the user has not replaced
        key: file
        for key, file in derived.sources.items()
        if getattr(contract, key) == getattr(derived.contract, key)
    }
    _say(f"{files.name}: {dataclasses.replace(derived, sources=kept)}")


def _say(line: str) -> None:
    if line not in _said:
        _said.add(line)
        print(line, file=sys.stderr)


@contextmanager
def unannounced() -> Iterator[None]:
    """Load without these lines: another process has printed them."""
    global _silent
    before, _silent = _silent, True
    try:
        yield
    finally:
        _silent = before
