"""FLOPS regularisation that presses frequent terms harder than rare ones."""

import torch
from torch import Tensor

from llm_encoders.train.regularisers.regulariser import Regulariser

_LARGEST_FACTOR = 10.0


def idf_flops(weights: Tensor, idf: Tensor) -> Tensor:
    """FLOPS with every mean weight divided by the term's relative idf.

    Frequent terms are pressed down more than rare ones, the idea of the IDF-aware FLOPS loss of
    arXiv 2411.04403; the normalisation is ours: an idf is taken relative to the mean idf, so that
    the strength is comparable with plain FLOPS, and no term counts more than tenfold.

    Args:
        weights: float32 [texts, vocabulary].
        idf: float32 [vocabulary], positive.

    Returns:
        A scalar.
    """
    factor = (idf.mean() / idf).clamp(max=_LARGEST_FACTOR)
    return (weights.mean(0) * factor).square().sum()


def inverse_document_frequency(document_frequency: Tensor, documents: int) -> Tensor:
    """log(1 + (N - df + 0.5) / (df + 0.5)), as in Lucene's BM25; positive.

    Args:
        document_frequency: [vocabulary], in how many documents a term occurs.
        documents: N.
    """
    df = document_frequency.float()
    return torch.log1p((documents - df + 0.5) / (df + 0.5))


def _of(weights: Tensor, idf: Tensor | None) -> Tensor:
    assert idf is not None
    return idf_flops(weights, idf.to(weights.device))


IDF_FLOPS = Regulariser(
    name="idf-flops",
    equation="sum over terms of (mean over texts of w * min(10, mean idf / idf))^2",
    citation="the idea of arXiv 2411.04403",
    needs_idf=True,
    of=_of,
)
