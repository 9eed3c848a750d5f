"""The formula as it is written: all logits at once. The yardstick of tests and benchmarks."""

import torch
from torch import Tensor


def term_weights(
    states: Tensor, mask: Tensor, weight: Tensor, scale: float = 1.0, bias: Tensor | None = None
) -> Tensor:
    """SPLADE-max (arXiv 2109.10086): max over tokens of log1p(relu(logits)).

    Holds [batch, length, vocabulary] several times over; autograd differentiates it.

    Args:
        states: [batch, length, hidden].
        mask: bool [batch, length], true where a token is pooled.
        weight: [vocabulary, hidden].
        scale: positive factor on the logits.
        bias: [vocabulary], part of the logits.

    Returns:
        float32 [batch, vocabulary].
    """
    logits = states @ weight.T  # [batch, length, hidden] @ [hidden, vocabulary]
    logits = (logits if bias is None else logits + bias) * scale
    values = torch.log1p(torch.relu(logits)) * mask.unsqueeze(-1)
    return values.max(1).values.float()
