"""Vectors or scores that are computed batch by batch and survive a kill.

What has been computed is appended to files and noted every few seconds, so that a kill costs those
seconds and the batch in progress, whatever the model's speed. Batches are the same as without
a kill, and so are the bits.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from llm_encoders.jobs.atomic import naming, write_atomically
from llm_encoders.reading import read_record

Rows = np.ndarray | csr_array
RowsDone = Callable[[int], Any]
"""Told of every batch how many rows it has."""
Progress = Callable[[str, int, int], Any]
"""Told what is computed, how many are done, how many there are."""
_NOTE, _VALUES, _COLUMNS, _COUNTS = "done.json", "values.f32", "columns.i32", "counts.i32"
FILES = (_NOTE, _VALUES, _COLUMNS, _COUNTS)
"""Names of the files in a folder of rows."""
_SECONDS = 5.0  # between two notes


def run_batches(
    folder: Path,
    job: dict[str, Any],
    count: int,
    batch_size: int,
    compute: Callable[[slice], Rows],
    rows_done: RowsDone = lambda rows: None,
) -> "StoredRows":
    """Compute the rows 0 to ``count``, or what is left of them.

    Args:
        folder: takes the files; those of another job are replaced.
        job: what the rows depend on, as JSON.
        count: number of rows, at least 1.
        batch_size: rows of a batch; the last may have fewer.
        compute: gives the rows of a batch, float32 [rows, columns], all dense or all sparse.
        rows_done: called with the number of rows after each batch, and once for those found done.

    Returns:
        All rows, float32 [count, columns], on the disk.

    Raises:
        OSError: they cannot be written; names the file.
    """
    log = _Log(folder, {**job, "rows": count, "batch size": batch_size})
    if log.rows:
        rows_done(log.rows)
    try:
        for first in range(log.rows, count, batch_size):
            batch = slice(first, min(first + batch_size, count))
            log.append(compute(batch))
            rows_done(batch.stop - first)
        log.note()
    finally:
        log.close()
    return log.read()


class _Log:
    """Rows in files of plain numbers, as far as the note says."""

    def __init__(self, folder: Path, job: dict[str, Any]) -> None:
        self._folder, self._job = folder, json.loads(json.dumps(job))
        known = self._known()
        if not known:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        self.rows: int = known.get("done", 0)
        self._values: int = known.get("values", 0)
        self._width: int = known.get("width", 0)
        self._sparse: bool = known.get("sparse", False)
        self._streams = {name: self._open(name) for name in (_VALUES, _COLUMNS, _COUNTS)}
        for name, size in self._sizes().items():
            self._streams[name].truncate(size)
            self._streams[name].seek(size)
        self._noted = time.monotonic()

    def _known(self) -> dict[str, Any]:
        """The note of this job, where there is one and the files hold what it says."""
        known = read_record(self._folder / _NOTE)
        if known.get("job") != self._job:
            return {}
        self.rows, self._values, self._sparse = known["done"], known["values"], known["sparse"]
        short = any(
            not (self._folder / name).is_file() or (self._folder / name).stat().st_size < size
            for name, size in self._sizes().items()
        )
        return {} if short else known

    def _sizes(self) -> dict[str, int]:
        sparse = 4 if self._sparse else 0
        return {
            _VALUES: 4 * self._values,
            _COLUMNS: sparse * self._values,
            _COUNTS: sparse * self.rows,
        }

    def _open(self, name: str) -> Any:
        path = self._folder / name
        path.touch()
        return path.open("r+b")

    def append(self, batch: Rows) -> None:
        self._sparse = not isinstance(batch, np.ndarray)
        values = np.asarray(batch.data if self._sparse else batch, dtype=np.float32)
        self._write(_VALUES, values)
        if isinstance(batch, csr_array):
            self._write(_COLUMNS, batch.indices.astype(np.int32))
            self._write(_COUNTS, np.diff(batch.indptr).astype(np.int32))
        self.rows += batch.shape[0]
        self._values += values.size
        self._width = batch.shape[1]
        if time.monotonic() - self._noted > _SECONDS:
            self.note()

    def _write(self, name: str, numbers: np.ndarray) -> None:
        with naming(self._folder / name):
            self._streams[name].write(np.ascontiguousarray(numbers).tobytes())

    def note(self) -> None:
        """Bring to the disk what was appended, then say how much it is."""
        for name, stream in self._streams.items():
            with naming(self._folder / name):
                stream.flush()
                os.fsync(stream.fileno())
        note = {"job": self._job, "done": self.rows, "values": self._values}
        note |= {"width": self._width, "sparse": self._sparse}
        write_atomically(self._folder / _NOTE, json.dumps(note))
        self._noted = time.monotonic()

    def close(self) -> None:
        for stream in self._streams.values():
            with suppress(OSError):  # what a full disk has not taken is computed again
                stream.close()

    def read(self) -> "StoredRows":
        values = _mapped(self._folder / _VALUES, np.float32)
        if not self._sparse:
            return StoredRows(values.reshape(self.rows, self._width), None, None, self._width)
        starts = np.zeros(self.rows + 1, dtype=np.int64)
        np.cumsum(_mapped(self._folder / _COUNTS, np.int32), out=starts[1:])
        columns = _mapped(self._folder / _COLUMNS, np.int32)
        return StoredRows(values, columns, starts, self._width)


class StoredRows:
    """Rows on the disk; only those asked for come into memory."""

    def __init__(
        self, values: np.ndarray, columns: np.ndarray | None, starts: np.ndarray | None, width: int
    ) -> None:
        self._values, self._columns, self._starts = values, columns, starts
        self.width = width
        """Numbers of a row, those of a sparse one that are 0 included."""

    def __len__(self) -> int:
        return len(self._values if self._starts is None else self._starts[1:])

    def block(self, first: int, last: int) -> Rows:
        """The rows from ``first`` to before ``last``, float32: an array or a csr_array."""
        last = min(last, len(self))
        if self._starts is None or self._columns is None:
            return np.asarray(self._values[first:last])
        begin, end = self._starts[first], self._starts[last]
        starts = (self._starts[first : last + 1] - begin).astype(np.int32)
        parts = (np.asarray(self._values[begin:end]), np.asarray(self._columns[begin:end]), starts)
        return csr_array(parts, shape=(last - first, self.width))

    def row(self, number: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Values of one row and, where it is sparse, their columns."""
        if self._starts is None or self._columns is None:
            return self._values[number], None
        span = slice(self._starts[number], self._starts[number + 1])
        return self._values[span], self._columns[span]


def _mapped(path: Path, kind: Any) -> np.ndarray:
    if not path.stat().st_size:  # nothing can be mapped
        return np.zeros(0, dtype=kind)
    return np.memmap(path, dtype=kind, mode="r")
