"""Contrastive loss of a student's queries against the fixed passages of its teacher's document
tower: training end to end by labels, to compare distillation with."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from llm_encoders.distill_query.losses.loss import Distilled, Loss


def contrastive(scores: Tensor, positive: Tensor, excluded: Tensor) -> Tensor:
    """Cross-entropy of each query's positive among all passages of the batch.

    -log(exp(s+) / sum of exp(s)), the sum over its own passages and those of other queries:
    InfoNCE (arXiv 1807.03748) as in :mod:`llm_encoders.train.losses.contrastive`, but no gradient
    reaches a passage. ScalingNote (arXiv 2411.15766) compares its second stage with a small query
    tower that is trained by labels against a large document tower.

    Args:
        scores: float32 [queries, passages], already divided by the temperature.
        positive: int64 [queries], the column of each query's positive; -1 for none.
        excluded: bool [queries, passages], true for passages that a query is not compared with.

    Returns:
        float32 [queries with a positive].
    """
    rows = positive >= 0
    own = torch.zeros_like(excluded).scatter(1, positive.clamp(min=0).unsqueeze(1), True)
    compared = scores.masked_fill(excluded & ~own, -torch.inf)
    return cross_entropy(compared[rows], positive[rows], reduction="none")


def _of(batch: Distilled) -> Tensor:
    candidates = batch.candidates
    if candidates is None:  # no query of the batch has any
        return torch.zeros(0, device=batch.student.device)
    scores = candidates.scored_by_all(batch.student) / batch.temperature
    return contrastive(scores, candidates.positive, candidates.excluded)


CONTRASTIVE = Loss(
    name="contrastive",
    title="contrastive",
    equation="-log(exp(s·d+ / τ) / sum over all passages d of the batch of exp(s·d / τ)), where d "
    "are the teacher's passages and τ is the temperature of the contract",
    citation="InfoNCE (arXiv 1807.03748) by labels, in place of distillation",
    paradigms=("dense", "sparse"),
    needs_candidates=True,
    needs_scores=False,
    of=_of,
)
