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


def weighted_mean(states: Tensor, mask: Tensor) -> Tensor:
    """Mean of pooled states weighted by their place, 1 for the first (SGPT, arXiv 2202.08904)."""
    weights = (mask.long().cumsum(1) * mask).to(states.dtype).unsqueeze(-1)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def maximum(states: Tensor, mask: Tensor) -> Tensor:
    """Largest value of every component over the pooled states."""
    largest = states.masked_fill(~mask.bool().unsqueeze(-1), -torch.inf).amax(1)
    return largest.masked_fill(~mask.bool().any(1, keepdim=True), 0)  # nothing to pool


def first(states: Tensor, mask: Tensor) -> Tensor:
    """State of the first pooled token."""
    return _select(states, mask, mask.to(torch.int8).argmax(1))


def last(states: Tensor, mask: Tensor) -> Tensor:
    """State of the last pooled token, as RepLLaMA (arXiv 2310.08319) reads its EOS."""
    reversed_position = mask.flip(1).to(torch.int8).argmax(1)
    return _select(states, mask, mask.shape[1] - 1 - reversed_position)


def _select(states: Tensor, mask: Tensor, position: Tensor) -> Tensor:
    where = position[:, None, None].expand(-1, 1, states.shape[2])  # [batch, 1, hidden]
    chosen = states.gather(1, where).squeeze(1)
    return chosen * mask.any(1, keepdim=True)  # a text with nothing to pool gives a zero vector


def pool(name: str, states: Tensor, mask: Tensor) -> Tensor:
    """The pooling of that name, or the concatenation of several, as in ``"mean+max"``.

    Args:
        name: a contract's ``pooling``.
        states: [batch, length, hidden].
        mask: [batch, length], true where a token takes part.

    Returns:
        [batch, hidden], or a multiple of it.
    """
    return torch.cat([POOLING_FUNCTIONS[one](states, mask) for one in name.split("+")], dim=-1)


POOLING_FUNCTIONS: dict[str, Pooling] = {
    "mean-of-normalised": mean_of_normalised,
    "mean": mean,
    "weighted-mean": weighted_mean,
    "max": maximum,
    "last": last,
    "eos": last,  # the contract appends EOS, so it is the last pooled token
    "cls": first,
}
