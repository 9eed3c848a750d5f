"""One process at a time in an output folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llm_encoders.errors import EncoderError

LOCK_NAME = ".lock"
_ATTEMPTS = 100  # a folder such as /proc answers in the same way as one that was just removed


@contextmanager
def locked(path: Path, problem: str) -> Iterator[None]:
    """Hold the lock of a file, made with its folder if need be and removed at the end.

    Raises:
        EncoderError: another process holds it; the message is ``problem``. Or the folder takes no
            new files.
    """
    attempts = 0
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock = path.open("w")
        except FileNotFoundError:  # another process has just removed the folder
            if (attempts := attempts + 1) < _ATTEMPTS:
                continue
            raise EncoderError(f"{path.parent} takes no new files; name another folder.") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EncoderError(problem) from None
            # The process that held the lock may have removed the file after it was opened here.
            try:
                same = path.stat().st_ino == os.fstat(lock.fileno()).st_ino
            except FileNotFoundError:
                same = False
            if not same:
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return
