"""Pairs of a query and a relevant document, and the documents that are no negatives of a query."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llm_encoders.data.text_keys import text_key

_ROWS = 1 << 20  # documents whose keys are looked at together


@dataclass(frozen=True)
class Pairs:
    """What contrastive entropy is the mean over. Documents are known by their number."""

    queries: list[str]
    """Their texts."""
    query: np.ndarray
    """int64 [pairs]: number of each pair's query."""
    positive: np.ndarray
    """int64 [pairs]: its relevant document."""
    excluded: list[np.ndarray]
    """int64, ascending, one a query: documents that are not drawn as its negatives."""
    documents: int
    """How many there are to draw from."""

    @classmethod
    def of(
        cls,
        queries: Sequence[str],
        positives: Sequence[Sequence[int]],
        relevant: Sequence[np.ndarray],
        keys: np.ndarray,
    ) -> "Pairs":
        """All pairs of some queries.

        Args:
            queries: their texts.
            positives: numbers of each query's relevant documents.
            relevant: keys of the texts that are no negatives of each query, uint64; see
                :mod:`llm_encoders.data.relevance`.
            keys: of all documents, uint64 [documents, 2]; see
                :func:`llm_encoders.data.text_keys.passage_keys`.
        """
        counts = [len(one) for one in positives]
        return cls(
            list(queries),
            np.repeat(np.arange(len(counts)), counts),
            np.array([row for one in positives for row in one], dtype=np.int64),
            _having(relevant, keys),
            len(keys),
        )


def judged_pairs(
    queries: Mapping[str, str],
    qrels: Mapping[str, Mapping[str, int]],
    elsewhere: Mapping[str, Collection[str]],
    row: Callable[[str], int | None],
    keys: np.ndarray,
) -> Pairs:
    """The pairs of a test collection.

    No negatives of a query are: documents that are relevant to it, or to a query of the same text,
    in any judgement; the document that has the query's id; and all of the same text as those or as
    the query.

    Args:
        queries: texts by name.
        qrels: grades by query and document; above 0 is relevant. Documents that are not there form
            no pair.
        elsewhere: documents that are relevant to a query by other judgements; they form no pair.
        row: the number of a document by its id, ``None`` where it is not there.
        keys: of all documents, uint64 [documents, 2].
    """
    positives: list[list[int]] = []
    groups: dict[int, list[int]] = {}
    for name, text in queries.items():
        grades = qrels[name]
        found = [row(docid) for docid, grade in grades.items() if grade > 0]
        positives.append([one for one in found if one is not None])
        own = [*positives[-1], row(name), *map(row, elsewhere.get(name, ()))]
        known = groups.setdefault(text_key(text), [])
        known += [one for one in own if one is not None]
    relevant = {
        group: np.unique(np.append(keys[rows].reshape(-1), np.uint64(group)))
        for group, rows in groups.items()
    }
    texts = list(queries.values())
    return Pairs.of(texts, positives, [relevant[text_key(text)] for text in texts], keys)


def _having(wanted: Sequence[np.ndarray], keys: np.ndarray) -> list[np.ndarray]:
    """Rows that have one of some keys: int64, ascending, one array for each of ``wanted``."""
    every = np.unique(np.concatenate([np.empty(0, dtype=np.uint64), *wanted]))
    rows, found = [], []
    for first in range(0, len(keys), _ROWS):
        block = np.asarray(keys[first : first + _ROWS])
        number, side = np.nonzero(np.isin(block, every))
        rows.append(number + first)
        found.append(block[number, side])
    row, key = np.concatenate(rows or [np.empty(0, np.int64)]), np.concatenate(found or [every[:0]])
    order = np.argsort(key, kind="stable")
    row, key = row[order], key[order]
    result = []
    for one in wanted:
        spans = zip(key.searchsorted(one), key.searchsorted(one, side="right"), strict=True)
        own = [row[a:b] for a, b in spans]
        result.append(np.unique(np.concatenate([np.empty(0, dtype=np.int64), *own])))
    return result
