"""Dot products of some pairs of vectors, in double precision."""

import numpy as np
from scipy import sparse

from llm_encoders.evaluation.exhaustive_search import Vectors

_SPARSER = 64  # fewer wanted than one in so many: they are computed one by one
_QUERIES = 1024  # scored against all documents at a time
_NUMBERS = 1 << 22  # of the vectors that are laid side by side


def pair_scores(
    queries: Vectors, documents: Vectors, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """The scores of some pairs.

    Args:
        queries: float32 [queries, dimension or vocabulary].
        documents: float32 [documents, dimension or vocabulary].
        rows: int64 [pairs], of ``queries``.
        columns: int64 [pairs], of ``documents``.

    Returns:
        float64 [pairs].
    """
    few = len(rows) * _SPARSER < queries.shape[0] * documents.shape[0]
    return (_one_by_one if few else _of_products)(queries, documents, rows, columns)


def _of_products(
    queries: Vectors, documents: Vectors, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """All products, of which the wanted are taken."""
    scores = np.empty(len(rows))
    turned = documents.astype(np.float64).T
    for first in range(0, queries.shape[0], _QUERIES):
        product = queries[first : first + _QUERIES].astype(np.float64) @ turned
        (own,) = np.nonzero((rows >= first) & (rows < first + _QUERIES))
        whole = product if isinstance(product, np.ndarray) else product.toarray()
        scores[own] = whole[rows[own] - first, columns[own]]
    return scores


def _one_by_one(
    queries: Vectors, documents: Vectors, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    width = documents.nnz // documents.shape[0] + 1 if sparse.issparse(documents) else None
    size = max(1, _NUMBERS // (width or documents.shape[1]))
    scores = np.empty(len(rows))
    for first in range(0, len(rows), size):
        part = slice(first, first + size)
        one = queries[rows[part]].astype(np.float64)
        other = documents[columns[part]].astype(np.float64)
        if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
            scores[part] = np.einsum("ij,ij->i", one, other)
        else:
            products = sparse.csr_array(one).multiply(other)
            scores[part] = np.asarray(products.sum(axis=1)).reshape(-1)
    return scores
