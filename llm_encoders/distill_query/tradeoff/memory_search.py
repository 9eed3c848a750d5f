"""Exhaustive search over a collection's passages in memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.exhaustive_search import (
    ExhaustiveSearch,
    Ranking,
    docid_order,
    dot_products,
)
from llm_encoders.jobs.resumable_batches import StoredRows

_QUERIES = 64  # scored against all passages at a time


class MemorySearch:
    """Scores every passage for every query.

    Sparse vectors are searched as a Lucene impact index does it: integer impacts of query and
    passage, the sum of their products, no passage without a common term. They lie in memory as
    postings, so that a query reads those of its own terms.

    Args:
        vectors: of the passages: float32, or int32 impacts.
        ids: of the passages.
        depth: passages of a ranking, at most.
    """

    def __init__(self, vectors: np.ndarray | csr_array, ids: Sequence[str], depth: int) -> None:
        self._sparse = not isinstance(vectors, np.ndarray)
        if isinstance(vectors, np.ndarray):
            self._vectors: Any = np.array(vectors)  # into memory
        else:  # int32 might not hold the sums
            self._vectors = vectors.T.tocsr().astype(np.int64).T
        self._order, self._depth = docid_order(ids), depth

    def rankings(
        self, queries: np.ndarray | csr_array, left_out: Sequence[int | None]
    ) -> list[Ranking]:
        """The best passages for every query.

        Args:
            queries: vectors: float32, or int32 impacts.
            left_out: number of the passage that a query may not find; one a query.
        """
        found: list[Ranking] = []
        for first in range(0, queries.shape[0], _QUERIES):
            rows = queries[first : first + _QUERIES]
            own = left_out[first : first + _QUERIES]
            search = ExhaustiveSearch(rows.shape[0], self._order, self._depth, own)
            search.take(self._scores(rows), 0, positive_only=self._sparse)
            found += search.rankings()
        return found

    def _scores(self, rows: np.ndarray | csr_array) -> np.ndarray:
        """Float32 [queries, passages].

        One dense query is scored without BLAS, whose threads would wait for the next product in a
        loop and take a core from the next query's encoder (4 ms a query, two cores).
        """
        if isinstance(rows, np.ndarray) and len(rows) == 1:
            scores: np.ndarray = np.einsum("pd,d->p", self._vectors, rows[0])
            return scores[np.newaxis]
        return dot_products(rows, self._vectors)


def memory_search(
    teacher: Any, stored: StoredRows, collection: Collection, depth: int
) -> MemorySearch:
    """Search over the teacher's passages, at the teacher's scale of impacts."""
    vectors: Any = stored.block(0, len(stored))
    if teacher.config.paradigm == "sparse":
        vectors = teacher.quantize(vectors)
    return MemorySearch(vectors, collection.ids, depth)
