"""Passages by id, from memory-mapped Arrow instead of a Python dictionary."""

import json
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from llm_encoders.data.arrow import Table, TableWriter
from llm_encoders.data.text_keys import hash64, passage_keys
from llm_encoders.unicode import well_formed

_TABLE, _INDEX, _INLINE = "passages.arrow", "passages.npy", "inline"
_KEYS = "passage_keys.npy"
_SCHEMA = pa.schema([("id", pa.string()), ("title", pa.string()), ("text", pa.string())])


class PassageWriter:
    """Writes a passage store.

    Its memory is 24 bytes a passage: hashes of the id and of the text in two forms.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hashes, self._keys = array("Q"), array("Q")
        self._writer = TableWriter(folder / _TABLE, _SCHEMA)
        self._inline: dict[int, int] = {}

    def add(self, docid: str, title: str | None, text: str) -> int:
        """Add a passage; its row."""
        docid = well_formed(docid)
        self._hashes.append(hash64(docid))
        self._keys.extend(passage_keys(title, text))
        return self._writer.append(docid, title, text)

    def add_inline(self, docid: str | None, title: str | None, text: str) -> int:
        """Add a passage that a training file carries itself; its row.

        One of the same id, title and text is stored once.
        """
        digest = hash64(json.dumps([docid, title or "", text]))
        if digest not in self._inline:
            name = docid if docid is not None else f"inline-{self._writer.count}"
            self._inline[digest] = self.add(name, title, text)
        return self._inline[digest]

    def close(self) -> None:
        """Write what is left, the index of ids, and the keys of the texts."""
        with self._writer:
            pass
        hashes = np.array(self._hashes, dtype=np.uint64)
        order = np.argsort(hashes, kind="stable").astype(np.int64)
        np.save(self._folder / _INDEX, np.stack([hashes[order].view(np.int64), order]))
        keys = np.array(self._keys, dtype=np.uint64).view(np.int64)
        np.save(self._folder / _KEYS, keys.reshape(-1, 2))
        if self._inline:
            (self._folder / _INLINE).touch()


class Passages:
    """Passages of a store, by row or by id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._table = Table(folder / _TABLE)
        index = np.load(folder / _INDEX, mmap_mode="r", allow_pickle=False)
        self._hashes, self._rows = index[0].view(np.uint64), index[1]
        self.keys = np.load(folder / _KEYS, mmap_mode="r", allow_pickle=False).view(np.uint64)
        """uint64 [passages, 2]; see :func:`llm_encoders.data.text_keys.passage_keys`."""
        self.inline = (folder / _INLINE).exists()
        """Whether training files carried the passages themselves."""

    def __reduce__(self) -> tuple[type["Passages"], tuple[Path]]:
        return Passages, (self._folder,)

    def __len__(self) -> int:
        return len(self._table)

    def row(self, docid: str) -> int | None:
        """The row of an id, ``None`` where there is none."""
        docid = well_formed(docid)
        digest = np.uint64(hash64(docid))
        place = int(np.searchsorted(self._hashes, digest))
        while place < len(self._hashes) and self._hashes[place] == digest:
            row = int(self._rows[place])
            if self._table[row]["id"] == docid:
                return row
            place += 1  # another id of the same hash
        return None

    def have_texts(self, rows: Sequence[int] | np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Which passages have, with or without their title, one of the texts of these keys.

        Returns:
            bool [rows].
        """
        found = np.isin(self.keys[np.asarray(rows, dtype=np.int64)], keys)
        return np.asarray(found.any(axis=1))

    def ids(self, rows: Iterable[int]) -> list[str]:
        """Ids of these rows."""
        return [self._table[row]["id"] for row in rows]

    def texts(self, rows: Iterable[int]) -> tuple[list[str], list[str | None]]:
        """Texts and titles of these rows."""
        found = [self._table[row] for row in rows]
        return [one["text"] for one in found], [one["title"] for one in found]

    def repeated_id(self) -> str | None:
        """An id that several passages have, if there is one."""
        same = np.flatnonzero(self._hashes[1:] == self._hashes[:-1])
        for place in same:
            first, second = self.ids([int(self._rows[place]), int(self._rows[place + 1])])
            if first == second:
                return first
        return None


def longest_first(passages: Passages, rows: np.ndarray, window: int) -> np.ndarray:
    """Rows in windows of neighbours, each with its longest texts first.

    Those of like length then share a batch, and the texts of one window alone are in memory.

    Args:
        passages: of which the rows are.
        rows: int64 [rows].
        window: rows of a window.

    Returns:
        The same rows, int64 [rows].
    """
    ordered = rows.copy()
    for first in range(0, len(rows), window):
        part = rows[first : first + window]
        texts, _ = passages.texts(part.tolist())
        lengths = np.array([len(text) for text in texts])
        ordered[first : first + window] = part[np.argsort(-lengths, kind="stable")]
    return ordered
