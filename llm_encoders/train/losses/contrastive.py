"""Contrastive loss with hard, in-batch or random negatives (InfoNCE)."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from llm_encoders.train.losses.loss import Loss


def contrastive(scores: Tensor, positive: Tensor, excluded: Tensor | None = None) -> Tensor:
    """Cross-entropy of each query's positive passage among all that it is compared with.

    -log(exp(s+) / sum of exp(s)), the sum over the positive, hard negatives and the other queries'
    passages: InfoNCE (arXiv 1807.03748) with in-batch negatives, as in DPR (arXiv 2004.04906,
    equation 2). Random passages can take the place of the other queries', as in arXiv 2403.18684.

    Args:
        scores: float32 [queries, passages], already divided by the temperature.
        positive: int64 [queries], the column of each query's positive.
        excluded: bool [queries, passages], true for passages that a query is not compared with,
            such as another positive of it.

    Returns:
        The mean over queries, a scalar.
    """
    if excluded is not None:
        scores = scores.masked_fill(excluded, -torch.inf)
    return cross_entropy(scores, positive)


CONTRASTIVE = Loss(
    name="contrastive",
    title="contrastive",
    equation="-log(exp(s+) / sum of exp(s)), over its own, in-batch and random negatives",
    citation="InfoNCE (arXiv 1807.03748), in-batch negatives as in DPR (arXiv 2004.04906)",
    needs_teacher=False,
    in_batch=True,
    of=lambda batch: contrastive(
        batch.scores, batch.candidates.groups[:, 0], batch.candidates.excluded
    ),
)
