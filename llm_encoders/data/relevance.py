"""Texts that must not be negatives of a query: what is relevant to it in any record, and itself.

Records whose queries have the same normalised text are one query in this; their positives are
united. Texts are known by their keys, see :mod:`llm_encoders.data.text_keys`.
"""

from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from llm_encoders.data.text_keys import text_key

_KEYS, _STARTS = "relevant_keys.npy", "relevant_starts.npy"


class RelevanceWriter:
    """Collects the queries and their relevant passages; 8 bytes a query, 16 a positive."""

    def __init__(self) -> None:
        self._queries = array("Q")
        self._pairs_query, self._pairs_row = array("q"), array("q")

    def append(self, query: str, relevant: Iterable[int]) -> int:
        """Add a record's query and the rows of its relevant passages; its number, from 0."""
        number = len(self._queries)
        self._queries.append(text_key(query))
        for row in relevant:
            self._pairs_query.append(number)
            self._pairs_row.append(row)
        return number

    def write(self, folder: Path, passage_keys: np.ndarray) -> np.ndarray:
        """Unite and store them.

        Args:
            folder: takes the files.
            passage_keys: of all passages, uint64 [passages, 2].

        Returns:
            The group of every record, int64; records of the same query share it.
        """
        queries = np.array(self._queries, dtype=np.uint64)
        group_keys, groups = np.unique(queries, return_inverse=True)
        groups = groups.reshape(-1).astype(np.int64)
        pairs = np.array(self._pairs_query, dtype=np.int64)
        rows = np.array(self._pairs_row, dtype=np.int64)
        # The query's own text is in its group, too.
        owners = np.concatenate([np.repeat(groups[pairs], 2), np.arange(len(group_keys))])
        keys = np.concatenate([passage_keys[rows].reshape(-1), group_keys])
        order = np.lexsort((keys, owners))
        owners, keys = owners[order], keys[order]
        first = np.ones(len(keys), dtype=bool)
        first[1:] = (owners[1:] != owners[:-1]) | (keys[1:] != keys[:-1])
        starts = np.searchsorted(owners[first], np.arange(len(group_keys) + 1))
        np.save(folder / _KEYS, keys[first].view(np.int64))
        np.save(folder / _STARTS, starts.astype(np.int64))
        return groups


class Relevance:
    """The relevant texts of every group of records that share a query."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        keys: np.ndarray = np.load(folder / _KEYS, mmap_mode="r", allow_pickle=False)
        self._keys = keys.view(np.uint64)
        self._starts: np.ndarray = np.load(folder / _STARTS, mmap_mode="r", allow_pickle=False)

    def __reduce__(self) -> tuple[type["Relevance"], tuple[Path]]:
        return Relevance, (self._folder,)

    def of(self, group: int) -> np.ndarray:
        """Keys of the texts that must not be negatives of a group's query, uint64, ascending."""
        return self._keys[int(self._starts[group]) : int(self._starts[group + 1])]
