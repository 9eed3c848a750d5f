"""L1 regularisation of term weights."""

from torch import Tensor

from llm_encoders.train.regularisers.regulariser import Regulariser


def l1(weights: Tensor) -> Tensor:
    """L1: mean over texts of the sum of weights.

    Args:
        weights: float32 [texts, vocabulary], not negative.

    Returns:
        A scalar.
    """
    return weights.sum(1).mean()


L1 = Regulariser(
    name="l1",
    equation="mean over texts of the sum over terms of w",
    citation="SNRM (doi 10.1145/3269206.3271800)",
    needs_idf=False,
    of=lambda weights, idf: l1(weights),
)
