"""Tables in memory-mapped Arrow files, written as a stream and read by row number."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa

from llm_encoders.unicode import well_formed

_BATCH = 4096


class TableWriter:
    """Appends rows to an Arrow file without holding them."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.schema = schema
        self.count = 0
        self._rows: list[tuple[Any, ...]] = []
        self._writer = pa.ipc.new_file(pa.OSFile(str(path), "wb"), schema)

    def append(self, *values: Any) -> int:
        """Add a row; its number, from 0. Lone surrogates in texts become U+FFFD."""
        self._rows.append(
            tuple(well_formed(value) if isinstance(value, str) else value for value in values)
        )
        if len(self._rows) == _BATCH:
            self._flush()
        self.count += 1
        return self.count - 1

    def _flush(self) -> None:
        columns = list(zip(*self._rows, strict=True)) or [() for _ in self.schema]
        arrays = [
            pa.array(column, field.type) for column, field in zip(columns, self.schema, strict=True)
        ]
        self._writer.write_batch(pa.record_batch(arrays, schema=self.schema))
        self._rows = []

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._flush()
        self._writer.close()


class Table:
    """Rows of a memory-mapped Arrow file; the operating system decides what is in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = pa.ipc.open_file(pa.memory_map(str(path)))
        sizes = [self._reader.get_batch(i).num_rows for i in range(self._reader.num_record_batches)]
        self._starts = np.cumsum([0, *sizes])
        self._names = self._reader.schema.names

    def __reduce__(self) -> tuple[type["Table"], tuple[Path]]:
        return Table, (self._path,)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, row: int) -> dict[str, Any]:
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        batch = self._reader.get_batch(number)
        place = row - int(self._starts[number])
        return {name: batch.column(i)[place].as_py() for i, name in enumerate(self._names)}

    def select(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """The rows of these numbers, in this order."""
        return [self[row] for row in rows]

    def column(self, name: str) -> np.ndarray:
        """The numbers of a column, whole, [rows]."""
        batches = [self._reader.get_batch(i) for i in range(self._reader.num_record_batches)]
        return np.concatenate([batch.column(name).to_numpy() for batch in batches])

    def lists(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """A column of lists of numbers: all their entries, one after the other, and each's length,
        int64 [rows]."""
        batches = [self._reader.get_batch(i) for i in range(self._reader.num_record_batches)]
        columns = [batch.column(name) for batch in batches]
        entries = np.concatenate([one.flatten().to_numpy() for one in columns])
        lengths = [one.value_lengths().to_numpy(zero_copy_only=False) for one in columns]
        return entries, np.concatenate(lengths).astype(np.int64)
