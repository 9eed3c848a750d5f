"""A file is there whole or not at all, and errors name it."""

import errno
import os
import resource
import signal

import pytest

from llm_encoders.errors import system_error
from llm_encoders.jobs.atomic import atomic_file, write_atomically


def test_whole_or_not_at_all(tmp_path):
    path = tmp_path / "state"
    write_atomically(path, "old")
    with pytest.raises(RuntimeError), atomic_file(path) as stream:
        stream.write(b"half")
        raise RuntimeError
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["state"]
    write_atomically(path, "näw")
    assert path.read_bytes() == "näw".encode() and os.listdir(tmp_path) == ["state"]


def test_a_full_disk_names_the_file_and_leaves_nothing(tmp_path):
    """A limit on the size of files stands for a disk that is full."""
    path = tmp_path / "state"
    path.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            write_atomically(path, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert caught.value.filename == str(path)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["state"]


def test_errors_of_the_system_are_sentences():
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/state")
    assert str(system_error(full)).startswith("/data/state: No space left on device. What is")
    denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/data")
    assert str(system_error(denied)) == "/data: Permission denied."


def test_what_is_no_ordinary_file_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="no ordinary file"):
        write_atomically(pipe, "x")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"] and pipe.is_fifo()
