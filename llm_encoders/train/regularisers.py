"""Sparsity regularisers of term weights, and the ramp of their weight."""

from collections.abc import Callable

import torch
from torch import Tensor

_LARGEST_FACTOR = 10.0


def flops(weights: Tensor) -> Tensor:
    """FLOPS: sum over terms of the squared mean weight (arXiv 2004.05665, equation 5).

    Args:
        weights: float32 [texts, vocabulary], not negative.

    Returns:
        A scalar.
    """
    return weights.mean(0).square().sum()


def l1(weights: Tensor) -> Tensor:
    """L1: mean over texts of the sum of weights."""
    return weights.sum(1).mean()


def idf_flops(weights: Tensor, idf: Tensor) -> Tensor:
    """FLOPS with every mean weight divided by the term's relative idf.

    Frequent terms are pressed down more than rare ones, the idea of the IDF-aware FLOPS loss of
    arXiv 2411.04403; the normalisation is ours: an idf is taken relative to the mean idf, so that
    the strength is comparable with plain FLOPS, and no term counts more than tenfold.

    Args:
        weights: float32 [texts, vocabulary].
        idf: float32 [vocabulary], positive.
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


REGULARISERS = ("flops", "l1", "idf-flops")


def regulariser(kind: str, idf: Tensor | None = None) -> Callable[[Tensor], Tensor]:
    """The regulariser of this name; ``idf-flops`` needs ``idf``."""
    if kind == "idf-flops":
        assert idf is not None
        return lambda weights: idf_flops(weights, idf.to(weights.device))
    return {"flops": flops, "l1": l1}[kind]


def ramp(step: int, ramp_steps: int) -> float:
    """Share of the full regularisation weight at an optimiser step: min(1, step / ramp)².

    The quadratic ramp of SPLADE (arXiv 2109.10086, section 4).

    Args:
        step: number of the optimiser step, from 1.
        ramp_steps: the step at which the full weight is reached; 0 for no ramp.
    """
    return min(1.0, step / ramp_steps) ** 2 if ramp_steps > 0 else 1.0
