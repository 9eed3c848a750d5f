"""Texts to learned sparse vectors over the vocabulary of the LM head."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from torch import Tensor

from llm_encoders.checkpoints.backbone import Backbone
from llm_encoders.config import EncoderConfig
from llm_encoders.encoding.encoder import Encoder
from llm_encoders.encoding.impacts import keep_top_k, quantize, to_term_dicts
from llm_encoders.encoding.terms import is_safe_term, vocabulary_terms
from llm_encoders.errors import EncoderError


def _terms(name: str, backbone: Backbone) -> list[str]:
    if backbone.terms is None:
        assert backbone.head is not None
        return vocabulary_terms(backbone.tokenizer, len(backbone.head))
    for term in backbone.terms:
        if not is_safe_term(term):
            raise EncoderError(
                f"{name}: Lucene would not take {term!r} of its vocabulary head for one term. Copy "
                "the head's terms.json again."
            )
    return list(backbone.terms)


class SparseEncoder(Encoder[csr_array]):
    """Learned sparse encoder over the LM head's vocabulary (SPLADE-max, arXiv 2109.10086)."""

    def __init__(self, name: str, config: EncoderConfig, backbone: Backbone) -> None:
        super().__init__(name, config, backbone)
        self.vocabulary: list[str] = _terms(name, backbone)
        """The index term of every column."""

    def quantize(self, vectors: csr_array) -> csr_array:
        """int32 impacts of encoded vectors, at the contract's impact scale."""
        return quantize(vectors, self.config.impact_scale)

    def impacts(self, vectors: csr_array) -> list[dict[str, int]]:
        """One ``{term: impact}`` a row of encoded vectors."""
        return to_term_dicts(self.quantize(vectors), self.vocabulary)

    def _off_device(self, vectors: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """(row, column) of the terms and their weights, by row."""
        filled = vectors.nonzero()  # [entries, 2], by row
        weights = vectors[filled[:, 0], filled[:, 1]]
        return filled.cpu().numpy(), weights.cpu().numpy()

    def _collect(
        self, outputs: Iterator[tuple[list[int], Any]], count: int, top_k: int | None
    ) -> csr_array:
        columns: list[np.ndarray] = [np.empty(0, np.int32)] * count
        values: list[np.ndarray] = [np.empty(0, np.float32)] * count
        for rows, (entries, data) in outputs:
            bounds = np.searchsorted(entries[:, 0], np.arange(1, len(rows)))
            for row, own, numbers in zip(
                rows, np.split(entries[:, 1], bounds), np.split(data, bounds), strict=True
            ):
                columns[row], values[row] = own.astype(np.int32), numbers
        bounds = np.cumsum([0, *(len(own) for own in columns)])
        # SciPy copies the columns into the row pointers' number format if that is wider.
        fits = bounds[-1] <= np.iinfo(np.int32).max
        content = (
            np.concatenate([np.empty(0, np.float32), *values]),
            np.concatenate([np.empty(0, np.int32), *columns]),
            bounds.astype(np.int32) if fits else bounds,
        )
        vectors = csr_array(content, shape=(count, len(self.vocabulary)))
        return keep_top_k(vectors, top_k)
