"""From sparse float vectors to integer impacts: pruning, quantisation, dictionaries of terms."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from llm_encoders.errors import EncoderError

_LIMIT = 2**31 - 1  # int32


def keep_top_k(vectors: csr_array, k: int | None) -> csr_array:
    """Keep every row's ``k`` largest weights (``None``: all); ties go to the lower column."""
    if k is None:
        return vectors
    indptr = [0]
    kept: list[np.ndarray] = []
    for start, stop in zip(vectors.indptr, vectors.indptr[1:], strict=False):
        best = np.argsort(-vectors.data[start:stop], kind="stable")[:k]
        kept.append(np.sort(best) + start)
        indptr.append(indptr[-1] + len(best))
    order = np.concatenate(kept) if kept else np.empty(0, dtype=np.int64)
    return csr_array((vectors.data[order], vectors.indices[order], indptr), shape=vectors.shape)


def quantize(vectors: csr_array, scale: float) -> csr_array:
    """Return int32 impacts round(weight * scale), halves to even, without stored zeros.

    Raises:
        EncoderError: a product that is not finite, or that int32 does not hold.
    """
    values = vectors.data * scale
    if len(values) and not np.abs(values).max() < _LIMIT:  # false for NaN
        raise EncoderError(f"A weight times the impact scale {scale:g} is beyond {_LIMIT:,}.")
    values = np.rint(values, out=values).astype(np.int32)
    # eliminate_zeros works in place on the index arrays
    content = (values, vectors.indices.copy(), vectors.indptr.copy())
    impacts = csr_array(content, shape=vectors.shape)
    impacts.eliminate_zeros()
    return impacts


def to_term_dicts(impacts: csr_array, vocabulary: Sequence[str]) -> list[dict[str, int]]:
    """One ``{term: impact}`` a row, in Python integers (Java's ``Integer`` takes nothing else)."""
    columns, values = impacts.indices.tolist(), impacts.data.tolist()
    return [
        {vocabulary[columns[i]]: values[i] for i in range(start, stop)}
        for start, stop in zip(impacts.indptr, impacts.indptr[1:], strict=False)
    ]
