"""Contrastive loss over all candidates of a batch (InfoNCE)."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def contrastive(scores: Tensor, positive: Tensor, excluded: Tensor | None = None) -> Tensor:
    """Cross-entropy of each query's positive passage among all its candidates.

    -log(exp(s+) / sum of exp(s)), the sum over hard negatives and the other queries' passages:
    InfoNCE (arXiv 1807.03748) with in-batch negatives, as in DPR (arXiv 2004.04906, equation 2).

    Args:
        scores: float32 [queries, passages], already divided by the temperature.
        positive: int64 [queries], the column of each query's positive.
        excluded: bool [queries, passages], true for passages that are no candidates of a query,
            such as another positive of it.

    Returns:
        The mean over queries, a scalar.
    """
    if excluded is not None:
        scores = scores.masked_fill(excluded, -torch.inf)
    return cross_entropy(scores, positive)
