"""Standard error that may be closed, or lose its reader, without ending a long run."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NUMBER = 2


class _Steady:
    """Standard error until a write fails; later writes are dropped."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """As of a text stream; never fails."""
        try:
            return int(self._stream.write(text))
        except (OSError, ValueError):  # a pipe without a reader; a stream that was closed
            self._give_up()
            return len(text)

    def flush(self) -> None:
        """As of a text stream; never fails."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._give_up()

    def _give_up(self) -> None:
        self._stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        os.dup2(self._stream.fileno(), _NUMBER)  # also for libraries and child processes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def steady_standard_error() -> Iterator[None]:
    """Let the work finish with its own exit code where standard error is closed or breaks.

    Without it the descriptor of a closed one would go to the next file that is opened, and
    messages of libraries into that file.
    """
    try:
        os.fstat(_NUMBER)
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, _NUMBER)
        if null != _NUMBER:
            os.close(null)
    previous = sys.stderr
    if previous is None:
        previous = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = _Steady(previous)
    try:
        yield
    finally:
        sys.stderr = previous
