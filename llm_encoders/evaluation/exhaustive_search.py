"""Exhaustive search: every document is scored for every query, by their dot product.

Documents come in blocks, so that memory holds the scores of one block and the best of each query.
Equal scores are ranked by falling id, as trec_eval ranks them.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

Vectors = np.ndarray | sparse.csr_array | sparse.csr_matrix
"""float32 [texts, dimension or vocabulary], dense or sparse."""
_QUERIES = 1024  # scored against a block at a time


class Ranking(NamedTuple):
    """The best documents of a query, best first."""

    columns: np.ndarray
    """Numbers of the documents, int64 [found]."""
    scores: np.ndarray
    """float32 [found], falling."""


def search(
    queries: Vectors,
    blocks: Iterable[Vectors],
    ids: Sequence[str],
    depth: int,
    left_out: Sequence[int | None] | None = None,
) -> list[Ranking]:
    """The best documents for every query.

    Args:
        queries: vectors, [queries, dimension]; the rows of the result.
        blocks: vectors of all documents in order, in blocks of any size.
        ids: ids of all documents; they decide between equal scores.
        depth: documents of a ranking, at most. A sparse query ranks only those that share a term
            with it, as an impact index does.
        left_out: the number of a document that a query may not find, such as the one that it is
            itself; one a query.

    Returns:
        One ranking a query.
    """
    found = ExhaustiveSearch(queries.shape[0], docid_order(ids), depth, left_out)
    first = 0
    for block in blocks:
        for start in range(0, queries.shape[0], _QUERIES):
            scores = dot_products(queries[start : start + _QUERIES], block)
            found.take(scores, first, start, sparse.issparse(block))
        first += block.shape[0]
    return found.rankings()


def dot_products(queries: Vectors, documents: Vectors) -> np.ndarray:
    """Scores of all pairs: float32 [queries, documents]."""
    product = queries @ documents.T
    scores = product if isinstance(product, np.ndarray) else product.toarray()
    return scores.astype(np.float32, copy=False)


def docid_order(ids: Sequence[str]) -> np.ndarray:
    """Rank of every document's id in lexicographic order, int64 [documents]."""
    order = np.empty(len(ids), dtype=np.int64)
    order[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    return order


class ExhaustiveSearch:
    """The best documents of each query among the blocks of scores taken so far.

    Args:
        queries: their number.
        order: of the documents, see :func:`docid_order`.
        depth: see :func:`search`.
        left_out: see :func:`search`.
    """

    def __init__(
        self,
        queries: int,
        order: np.ndarray,
        depth: int,
        left_out: Sequence[int | None] | None = None,
    ) -> None:
        self._best = [_Best(depth, order) for _ in range(queries)]
        self._left_out = left_out or [None] * queries

    def take(
        self, scores: np.ndarray, first: int, start: int = 0, positive_only: bool = False
    ) -> None:
        """Take the scores of a block.

        Args:
            scores: float32 [queries, documents]; not changed.
            first: number of the block's first document.
            start: number of the first of these queries.
            positive_only: whether only scores above 0 are hits, as in a sparse index.
        """
        for row, own in enumerate(scores, start=start):
            left_out = self._left_out[row]
            column = -1 if left_out is None else left_out - first
            if 0 <= column < len(own):
                own = own.copy()
                own[column] = -np.inf
            self._best[row].take(own, first, positive_only)

    def rankings(self) -> list[Ranking]:
        """One a query."""
        return [Ranking(best.columns, best.scores) for best in self._best]


class _Best:
    """The documents of the highest scores seen so far; ties by falling id."""

    def __init__(self, depth: int, order: np.ndarray) -> None:
        self.depth, self.order = depth, order
        self.scores = np.empty(0, dtype=np.float32)
        self.columns = np.empty(0, dtype=np.int64)

    def take(self, scores: np.ndarray, first: int, positive_only: bool) -> None:
        """Scores of the documents from number ``first`` on, float32 [documents]."""
        least = self.scores[-1] if len(self.scores) == self.depth else -np.inf
        if len(scores) > self.depth:
            least = max(least, np.partition(scores, -self.depth)[-self.depth])
        hits = scores > 0 if positive_only else np.isfinite(scores)
        (kept,) = np.nonzero((scores >= least) & hits)
        merged = np.concatenate([self.scores, scores[kept]])
        columns = np.concatenate([self.columns, kept + first])
        places = np.lexsort((-self.order[columns], -merged))[: self.depth]
        self.scores, self.columns = merged[places], columns[places]
