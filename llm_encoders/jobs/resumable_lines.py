"""A file of JSON lines that grows as a stream and is resumed where it was stopped.

``OUTPUT.partial`` takes the lines and becomes ``OUTPUT`` when all are there. Beside it lies a
hidden state file with the fingerprint of the job; it stays when the output is finished, so that
the same command can tell that there is nothing left to do.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.atomic import naming, write_atomically
from llm_encoders.jobs.fingerprint import require_same
from llm_encoders.jobs.lock import locked
from llm_encoders.jobs.removal import remove_recorded
from llm_encoders.reading import read_object

_OVERWRITE = "Add --overwrite to start again, or name another output."


@contextmanager
def resumable_lines(
    output: Path,
    fingerprint: dict[str, Any],
    overwrite: bool = False,
    work: Sequence[str] = (),
) -> Iterator["ResumableLines"]:
    """Open the lines of a job and keep other runs from them until the block ends.

    Args:
        output: the file.
        fingerprint: what its lines depend on; see :mod:`llm_encoders.jobs.fingerprint`.
        overwrite: start again.
        work: names of what the job keeps in its work folder until it is finished.

    Raises:
        UsageError: the output, or lines of it, are another job's.
        EncoderError: another run is writing to it, or its state file is damaged.
    """
    if output.is_dir():
        raise UsageError(f"{output} is a folder; name a file.")
    made = not output.parent.exists()
    busy = f"Another run is writing to {output}; wait for it, or name another output."
    try:
        with locked(_beside(output, "lock"), busy):
            lines = ResumableLines(output, fingerprint, overwrite)
            try:
                yield lines
                if lines.finished:
                    remove_recorded(lines.work, work, output)
            finally:
                with suppress(OSError):  # it is not there, or holds work to resume
                    lines.work.rmdir()
    finally:
        if made and output.parent.is_dir() and not any(output.parent.iterdir()):
            output.parent.rmdir()


class ResumableLines:
    """See :func:`resumable_lines`, which makes it.

    Attributes:
        finished: whether this very job is done; then there is nothing to write.
        fresh: whether the lines begin with the first.
        done: lines that are there already.
        work: hidden folder beside the output, for what the lines are made of.
    """

    def __init__(self, output: Path, fingerprint: dict[str, Any], overwrite: bool) -> None:
        self.output = output
        self._partial = output.with_name(output.name + ".partial")
        self._state = _beside(output, "state")
        self.work = _beside(output, "work")
        self._fingerprint = fingerprint
        known = None if overwrite else self._read_state()
        self.finished = known is not None and self._is_finished(known)
        self.fresh, self.done = not self.finished, 0
        if self.finished or overwrite:
            return
        if known is not None and "bytes" not in known and self._partial.is_file():
            self._resume(known["fingerprint"])
        elif output.exists():
            raise UsageError(f"{output} exists already. {_OVERWRITE}")

    def _read_state(self) -> dict[str, Any] | None:
        if not self._state.exists():
            return None
        try:
            state = read_object(self._state)
        except EncoderError as error:
            raise EncoderError(
                f"{error} It is not known which job started {self.output}. {_OVERWRITE}"
            ) from None
        if not isinstance(state.get("fingerprint"), dict) or not isinstance(
            state.get("bytes", 0), int
        ):
            raise EncoderError(
                f"{self._state} is damaged, so it is not known which job started {self.output}. "
                f"{_OVERWRITE}"
            )
        return state

    def _is_finished(self, known: dict[str, Any]) -> bool:
        """Whether this job's output is in place; completes :meth:`finish` after a kill."""
        size = known.get("bytes")
        if size is None:
            return False
        if self._partial.is_file() and self._partial.stat().st_size == size:
            os.replace(self._partial, self.output)
        if not self.output.is_file():
            return False
        if self.output.stat().st_size != size:
            raise UsageError(f"{self.output} was changed after it was written. {_OVERWRITE}")
        self._require_same(known["fingerprint"], self.output, "exists already, but is from another")
        return True

    def _resume(self, known: dict[str, Any]) -> None:
        count = self._drop_broken_end()
        if not count and not self.output.exists():
            return  # nothing is lost by starting again, with whatever options
        self._require_same(known, self._partial, "was started by another")
        self.fresh, self.done = False, count

    def _require_same(self, known: dict[str, Any], path: Path, problem: str) -> None:
        require_same(known, self._fingerprint, f"{path} {problem} job", _OVERWRITE)

    def _drop_broken_end(self) -> int:
        count = whole = 0
        with self._partial.open("rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                count, whole = count + 1, whole + len(line)
        os.truncate(self._partial, whole)
        return count

    def begin(self) -> None:
        """Note what the lines depend on; from here on the work can be resumed.

        Of what is overwritten, unfinished lines go now, an output stays until :meth:`finish`.
        """
        if self.fresh:
            with naming(self._partial):
                self._partial.write_bytes(b"")
            write_atomically(self._state, json.dumps({"fingerprint": self._fingerprint}))

    def write(self, windows: Iterable[list[dict[str, Any]]]) -> Iterator[int]:
        """Append the lines of each window; yields their number once they are on the disk.

        Raises:
            OSError: they cannot be written; names the file, which keeps whole windows only.
        """
        with naming(self._partial), self._partial.open("ab", buffering=0) as stream:
            for window in windows:
                lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in window]
                _append(stream.fileno(), "".join(lines).encode())
                yield len(window)

    def finish(self) -> None:
        """Give the file its name."""
        state = {"fingerprint": self._fingerprint, "bytes": self._partial.stat().st_size}
        write_atomically(self._state, json.dumps(state))
        os.replace(self._partial, self.output)
        self.finished = True


def _append(number: int, content: bytes) -> None:
    """Append to a file, or leave it as it was where the disk is full."""
    size = os.fstat(number).st_size
    rest = memoryview(content)
    try:
        while rest:
            rest = rest[os.write(number, rest) :]
        os.fsync(number)
    except BaseException:
        os.ftruncate(number, size)
        raise


def _beside(output: Path, kind: str) -> Path:
    return output.with_name(f".{output.name}.{kind}")
