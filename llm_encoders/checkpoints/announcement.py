"""One line on standard error for a contract that was read from a publisher's files."""

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from llm_encoders.checkpoints.resolve import Checkpoint

_said: set[str] = set()
_silent = False


def announce(files: Checkpoint) -> None:
    """Say what was derived and from which file, once in a process for a name.

    Named encoders and folders with a contract of ours say nothing: theirs is written down.
    """
    if files.derived is None or files.preset is not None or _silent:
        return
    derived, contract = files.derived, files.contract
    kept = {  # what the user has not replaced
        key: file
        for key, file in derived.sources.items()
        if getattr(contract, key) == getattr(derived.contract, key)
    }
    line = f"{files.name}: {dataclasses.replace(derived, sources=kept)}"
    if line not in _said:
        _said.add(line)
        print(line, file=sys.stderr)


@contextmanager
def unannounced() -> Iterator[None]:
    """Load without that line: another process has printed it."""
    global _silent
    before, _silent = _silent, True
    try:
        yield
    finally:
        _silent = before
