"""Dense poolings: token states of one batch to one vector a text."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

Pooling = Callable[[Tensor, Tensor], Tensor]


def mean(states: Tensor, mask: Tensor) -> Tensor:
    """Mean of pooled states. [batch, length, hidden], [batch, length] -> [batch, hidden]."""
    weights = mask.to(states.dtype).unsqueeze(-1)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def mean_of_normalised(states: Tensor, mask: Tensor) -> Tensor:
    """Mean of the L2-normalised token states, the dense head of arXiv 2502.15526."""
    return mean(normalize(states, dim=-1), mask)


def first(states: Tensor, mask: Tensor) -> Tensor:
    """State of the first pooled token."""
    return _select(states, mask, mask.to(torch.int8).argmax(1))


def last(states: Tensor, mask: Tensor) -> Tensor:
    """State of the last pooled token, as RepLLaMA (arXiv 2310.08319) reads its EOS."""
    reversed_position = mask.flip(1).to(torch.int8).argmax(1)
    return _select(states, mask, mask.shape[1] - 1 - reversed_position)


def _select(states: Tensor, mask: Tensor, position: Tensor) -> Tensor:
    chosen = states[torch.arange(len(states), device=states.device), position]
    return chosen * mask.any(1, keepdim=True)  # a text with nothing to pool gives a zero vector


POOLING_FUNCTIONS: dict[str, Pooling] = {
    "mean-of-normalised": mean_of_normalised,
    "mean": mean,
    "last": last,
    "eos": last,  # the contract appends EOS, so it is the last pooled token
    "cls": first,
}
