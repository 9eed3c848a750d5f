"""Files that are there whole or not at all, whatever happens."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

SUFFIX = ".partial"


def temporary_name(path: Path) -> Path:
    """The hidden file that is written before it takes the name ``path``."""
    return path.with_name(f".{path.name}.{os.getpid()}{SUFFIX}")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let errors of the operating system name the file: a full disk does not say where it is."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its name when the block ends without an error.

    The content is on the disk before the name is. After an error, a full disk for instance,
    nothing is left of it, and a file that had the name before is untouched.

    Raises:
        OSError: it cannot be written, or is no ordinary file, as ``/dev/stdout``; names ``path``.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no ordinary file, so it cannot be replaced", str(path))
    temporary = temporary_name(path)
    try:
        with naming(path):
            with temporary.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all; text is UTF-8. See :func:`atomic_file`."""
    with atomic_file(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
