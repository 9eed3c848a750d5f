"""MarginMSE of a student's queries on mined passages as the teacher represents them."""

import torch
from torch import Tensor

from llm_encoders.distill_query.losses.loss import Distilled, Loss


def margin_mse(scores: Tensor, teacher: Tensor, valid: Tensor) -> Tensor:
    """((s+ - s-) - (t+ - t-))² of every pair of a positive and a negative (arXiv 2010.02666, 7).

    Args:
        scores: float32 [queries, passages of a query], positive first: inner products of the
            student's queries with the vectors of the teacher's document tower.
        teacher: float32 of the same shape: the scores to imitate.
        valid: bool of the same shape, false where a query has fewer passages.

    Returns:
        float32 [pairs], by query.
    """
    margins, wanted = (one[:, :1] - one[:, 1:] for one in (scores, teacher))
    return (margins - wanted)[valid[:, 1:]].square()


def _of(batch: Distilled) -> Tensor:
    candidates = batch.candidates
    if candidates is None:  # no query of the batch has any
        return torch.zeros(0, device=batch.student.device)
    scores = candidates.scored_by(batch.student)
    return margin_mse(scores, candidates.scores, candidates.valid)


MARGIN_MSE = Loss(
    name="margin_mse",
    title="MarginMSE",
    equation="((s·d+ - s·d-) - (t+ - t-))^2 a negative d-, where d are the teacher's passages and "
    "t the scores of the file of candidates",
    citation="MarginMSE (arXiv 2010.02666)",
    paradigms=("dense", "sparse"),
    needs_candidates=True,
    needs_scores=True,
    of=_of,
)
