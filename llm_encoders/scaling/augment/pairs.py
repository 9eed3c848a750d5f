"""Which drafts become training pairs: neither nearly empty nor the passage itself, each once."""

import functools
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from llm_encoders.data.passages import Passages
from llm_encoders.data.text_keys import passage_keys, text_key
from llm_encoders.scaling.augment.augmentation import KINDS, Augmentation
from llm_encoders.scaling.augment.drafts import Drafts
from llm_encoders.unicode import well_formed

SHORT = "passages nearly empty"
EMPTY_QUERY = "queries nearly empty"
EMPTY_PASSAGE = "queries of passages nearly empty"
EQUAL = "queries equal to their passage"
AGAIN = "pairs of the same query and text again"
COMMON = "queries of too many passages"
LOST = "queries whose passage was not found again"
_KEPT = 64  # passages in memory, of which several queries are asked for one after the other


class Pair(NamedTuple):
    """A query with one passage, in full."""

    query: str
    docid: str
    title: str | None
    text: str


class PairReader:
    """Pairs by the row of a passage and the number of one of its drafts."""

    def __init__(self, passages: Passages, drafts: Drafts, augmentation: Augmentation) -> None:
        self._passages, self._drafts, self._wanted = passages, drafts, augmentation
        self.kind = KINDS[augmentation.kind]
        self.of: Callable[[int], list[Pair]] = functools.lru_cache(_KEPT)(self._read)
        """All pairs of the passage of a row, by the numbers of its drafts."""

    def _read(self, row: int) -> list[Pair]:
        (text,), (title,) = self._passages.texts([row])
        (docid,) = self._passages.ids([row])
        own = title if self.kind.titled else None
        return [
            Pair(
                " ".join(well_formed(draft.query).split()),
                docid if draft.text is None else f"{docid}#{draft.part}",
                own,
                text if draft.text is None else draft.text,
            )
            for draft in self._drafts.of(row, title, text)
        ]

    def query(self, queries: "Queries", query: int) -> str:
        """The text of a query."""
        row, number = map(int, queries.written[query])
        return self.of(row)[number].query

    def pairs(self, queries: "Queries", query: int) -> list[Pair]:
        """All pairs of a query; each has its own writing of it."""
        return [self.of(row)[number] for row, number in queries.of(query)]

    def fault(self, pair: Pair) -> str | None:
        """Why a pair is left out, if it is."""
        if characters(pair.query) < self._wanted.least_query:
            return EMPTY_QUERY
        if characters(pair.text) < self._wanted.least_passage:
            return EMPTY_PASSAGE
        if text_key(pair.query) in passage_keys(pair.title, pair.text):
            return EQUAL
        return None

    def usable(self, row: int) -> bool:
        """Whether a passage gives a pair that is not left out."""
        return any(self.fault(pair) is None for pair in self.of(row))


def characters(text: str) -> int:
    """Letters and digits, of whatever script."""
    return sum(character.isalnum() for character in text)


@dataclass(frozen=True)
class Queries:
    """Different queries with their passages, in the order of the corpus.

    Attributes:
        rows: of passages, int64 [pairs].
        numbers: of drafts among those of their passage, int64 [pairs].
        starts: where the pairs of every query begin, int64 [queries + 1].
        written: row and draft whose writing of the query stands for all, int64 [queries, 2].
    """

    rows: np.ndarray
    numbers: np.ndarray
    starts: np.ndarray
    written: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def of(self, query: int) -> Iterator[tuple[int, int]]:
        """Row and draft of every pair of a query."""
        span = slice(self.starts[query], self.starts[query + 1])
        yield from zip(self.rows[span].tolist(), self.numbers[span].tolist(), strict=True)


def collect(reader: PairReader, rows: np.ndarray, most: int, counts: Counter[str]) -> Queries:
    """Leave out unusable pairs, and unite those of one query.

    A query that several passages give, but for case, white space and composition, becomes one with
    all of them, each text once; of more than ``most`` passages it is left out.

    Args:
        reader: of the pairs.
        rows: of the passages, ascending.
        most: passages of a query.
        counts: takes how many are left out, by the reason.
    """
    places, keys = array("q"), array("Q")  # two of each a pair, 32 bytes
    for row in rows.tolist():
        drafted = reader.of(row)
        if not drafted:
            counts[f"passages without {reader.kind.without}"] += 1
        for number, pair in enumerate(drafted):
            if (fault := reader.fault(pair)) is not None:
                counts[fault] += 1
                continue
            places.extend((row, number))
            keys.extend((text_key(pair.query), passage_keys(pair.title, pair.text)[1]))
    found = np.array(places, dtype=np.int64).reshape(-1, 2)
    return _united(found, np.array(keys, dtype=np.uint64).reshape(-1, 2), most, counts)


def _united(places: np.ndarray, keys: np.ndarray, most: int, counts: Counter[str]) -> Queries:
    """See :func:`collect`.

    Args:
        places: row and draft of every pair, int64 [pairs, 2].
        keys: of its query and its passage, uint64 [pairs, 2].
        most: passages of a query.
        counts: takes what is left out.
    """
    _, first, groups = np.unique(keys[:, 0], return_index=True, return_inverse=True)
    groups = np.argsort(np.argsort(first))[groups.reshape(-1)]  # numbered by first occurrence
    order = np.lexsort((np.arange(len(keys)), keys[:, 1], groups))
    again = (np.diff(groups[order]) == 0) & (keys[order][1:, 1] == keys[order][:-1, 1])
    kept = np.sort(np.delete(order, np.flatnonzero(again) + 1))
    counts[AGAIN] += int(again.sum())
    kept = kept[np.argsort(groups[kept], kind="stable")]
    sizes = np.bincount(groups[kept], minlength=len(first))
    common = sizes > most
    counts[COMMON] += int(common.sum())
    kept = kept[~common[groups[kept]]]
    starts = np.concatenate([[0], np.cumsum(sizes[~common])]).astype(np.int64)
    return Queries(places[kept, 0], places[kept, 1], starts, places[kept[starts[:-1]]])


def chosen(queries: Queries, kept: list[list[int]]) -> Queries:
    """Some pairs of every query.

    Args:
        queries: all of them.
        kept: of every query, which of its pairs, from 0; a query without any is left out.
    """
    places = [int(queries.starts[query]) + one for query, pairs in enumerate(kept) for one in pairs]
    sizes = [len(pairs) for pairs in kept if pairs]
    starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)
    left = [query for query, pairs in enumerate(kept) if pairs]
    return Queries(queries.rows[places], queries.numbers[places], starts, queries.written[left])
