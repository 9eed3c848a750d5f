"""What a table makes of the token ids of a query: a sparse row, or a dense vector."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from llm_encoders.encoding.impacts import keep_top_k


class SparseTable:
    """A weight for each term: the inference-free query side of arXiv 2411.04403.

    The vector of a query has, for each distinct token t of it, ``weights[t]``, or with ``counts``
    ``weights[t]`` times the number of its occurrences. With all weights 1 and counts, that is the
    sparse query side of LightRetriever (arXiv 2505.12260).

    Args:
        weights: float32 [vocabulary]; a term with weight 0 takes no part.
        counts: whether occurrences count.
    """

    def __init__(self, weights: np.ndarray, counts: bool) -> None:
        self.weights, self.counts = weights, counts

    def rows(self, token_ids: Sequence[Sequence[int]], top_k: int | None = None) -> csr_array:
        """Vectors of tokenised queries, float32 [queries, vocabulary], columns sorted."""
        found = [self._row(ids) for ids in token_ids]
        if len(found) == 1:
            columns, values = found[0]
            bounds = np.array([0, len(columns)], dtype=np.int32)
        else:
            columns = np.concatenate([np.empty(0, np.int32), *(one for one, _ in found)])
            values = np.concatenate([np.empty(0, np.float32), *(one for _, one in found)])
            bounds = np.cumsum([0, *(len(one) for one, _ in found)], dtype=np.int32)
        shape = (len(found), len(self.weights))
        return keep_top_k(csr_array((values, columns, bounds), shape=shape), top_k)

    def _row(self, ids: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Columns, int32, and their weights, float32."""
        if self.counts:
            columns, counts = np.unique(np.asarray(ids, dtype=np.int32), return_counts=True)
            values = self.weights[columns] * counts.astype(np.float32)
        else:  # for some ten ids a set is faster than np.unique
            columns = np.array(sorted(set(ids)), dtype=np.int32)
            values = self.weights[columns]
        if values.all():
            return columns, values
        return columns[values > 0], values[values > 0]


class DenseTable:
    """A vector for each token: the dense query side of LightRetriever (arXiv 2505.12260).

    The vector of a query is the sum of those of its tokens, each as often as it occurs,
    L2-normalised with ``normalize``. A query without tokens has the zero vector.

    Args:
        vectors: float32 or float16 [vocabulary, dimension]; sums are float32.
        normalize: whether the sum is normalised.
    """

    def __init__(self, vectors: np.ndarray, normalize: bool) -> None:
        self.vectors, self.normalize = vectors, normalize

    def rows(self, token_ids: Sequence[Sequence[int]], top_k: int | None = None) -> np.ndarray:
        """Vectors of tokenised queries, float32 [queries, dimension]; ``top_k`` is for the
        other kind."""
        found = np.zeros((len(token_ids), self.vectors.shape[1]), dtype=np.float32)
        for row, ids in zip(found, token_ids, strict=True):
            if not ids:
                continue
            np.add.reduce(self.vectors.take(ids, axis=0), axis=0, dtype=np.float32, out=row)
            norm = math.sqrt(row @ row) if self.normalize else 0.0
            if norm > 0:
                row /= norm
        return found
