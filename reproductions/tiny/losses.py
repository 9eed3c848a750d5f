"""Heads and losses: sparse max pooling, dense pooling, ranking, FLOPS."""

from __future__ import annotations

import torch
from torch.nn import functional


def sparse_weights(
    hidden: torch.Tensor, mask: torch.Tensor, weight: torch.Tensor, scale: float, top_k: int
) -> torch.Tensor:
    """Term weights ``[batch, vocabulary]`` of ``hidden`` ``[batch, length, hidden]``.

    The maximum over the real tokens is searched without gradient, one text at a time (its
    logits fit the cache). Only the ``top_k`` largest terms are recomputed with gradient.
    """
    batch, length, width = hidden.shape
    with torch.no_grad():
        pooled = torch.empty(batch, weight.shape[0], dtype=hidden.dtype)
        transposed = weight.T
        lengths = mask.sum(1).tolist()
        for row in range(batch):
            pooled[row] = (hidden[row, : lengths[row]] @ transposed).amax(0)
        terms = pooled.topk(top_k, dim=1).indices
        logits = torch.bmm(hidden, weight[terms].transpose(1, 2))
        logits.masked_fill_(mask.unsqueeze(-1) == 0, float("-inf"))
        positions = logits.argmax(1) + torch.arange(batch)[:, None] * length
    chosen = hidden.reshape(-1, width).index_select(0, positions.flatten())
    columns = functional.embedding(terms.flatten(), weight)
    values = (chosen.float() * columns.float()).sum(-1) * scale
    values = torch.log1p(torch.relu(values)).view(batch, top_k)
    return torch.zeros(batch, weight.shape[0]).scatter(1, terms, values)


def dense_vectors(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Unit mean of unit token states: ``[batch, length, hidden]`` to ``[batch, hidden]``."""
    units = functional.normalize(hidden.float(), dim=-1)
    real = mask.unsqueeze(-1).float()
    return functional.normalize((units * real).sum(1) / real.sum(1), dim=-1)


def ranking_loss(
    scores: torch.Tensor, same: torch.Tensor, teacher: torch.Tensor, hard: float
) -> torch.Tensor:
    """Cross-entropy of ``scores`` ``[queries, passages]`` against soft in-batch targets.

    The targets mix the labelled passage (share ``hard``) and the teacher's softmax over
    ``teacher`` (same shape, already divided by its temperature). ``same`` marks false
    negatives, which take no part.
    """
    scores = scores.masked_fill(same, -1e4)
    soft = teacher.masked_fill(same, -1e4).softmax(-1)
    target = (1 - hard) * soft + hard * torch.eye(len(scores))
    return -(target * scores.log_softmax(-1)).sum(-1).mean()


def flops_loss(weights: torch.Tensor) -> torch.Tensor:
    """FLOPS regulariser of ``weights`` ``[batch, vocabulary]``."""
    return weights.mean(0).square().sum()


def terms_per_text(weights: torch.Tensor) -> float:
    """Mean number of terms that survive the rounding to impacts."""
    return float((weights > 0.005).sum(1).float().mean())


def flops_strength(base: float, step: int, ramp: int, terms: float, target: float) -> float:
    """The FLOPS weight: quadratic ramp by step, corrected by the distance to a target."""
    correction = min(4.0, max(0.1, terms / target)) ** 2
    return base * min(1.0, (step + 1) / ramp) ** 2 * correction
