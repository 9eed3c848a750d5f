"""FLOPS regularisation: texts of one batch share the cost of the terms that they have in common."""

from torch import Tensor

from llm_encoders.train.regularisers.regulariser import Regulariser


def flops(weights: Tensor) -> Tensor:
    """FLOPS: sum over terms of the squared mean weight (arXiv 2004.05665, equation 5).

    Args:
        weights: float32 [texts, vocabulary], not negative.

    Returns:
        A scalar.
    """
    return weights.mean(0).square().sum()


FLOPS = Regulariser(
    name="flops",
    equation="sum over terms of (mean over texts of w)^2",
    citation="arXiv 2004.05665, as used by SPLADE (arXiv 2109.10086)",
    needs_idf=False,
    of=lambda weights, idf: flops(weights),
)
