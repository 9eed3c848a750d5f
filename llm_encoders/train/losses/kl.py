"""KL divergence from a teacher's distribution over each query's own passages."""

import torch
from torch import Tensor

from llm_encoders.train.losses.loss import Loss


def kl(scores: Tensor, teacher: Tensor, valid: Tensor) -> Tensor:
    """KL(softmax(teacher) || softmax(scores)) over each query's own passages.

    The distillation of arXiv 2502.15526; its teacher scores are used as they are (temperature 1).

    Args:
        scores: float32 [queries, passages of a query], divided by the student's temperature.
        teacher: float32 of the same shape, divided by the teacher's temperature.
        valid: bool of the same shape, false where a query has fewer passages.

    Returns:
        The mean over queries, a scalar.
    """
    log_student = scores.masked_fill(~valid, -torch.inf).log_softmax(1)
    log_teacher = teacher.masked_fill(~valid, -torch.inf).log_softmax(1)
    terms = log_teacher.exp() * (log_teacher - log_student)
    # Where nothing is, 0 * (-inf + inf) is NaN, so those places are filled, not multiplied.
    return torch.where(valid, terms, 0.0).sum(1).mean()


KL = Loss(
    name="kl",
    title="KL divergence",
    equation="sum of softmax(t) * (log softmax(t) - log softmax(s)), over its own passages",
    citation="Scaling Sparse and Dense Retrieval in Decoder-Only LLMs (arXiv 2502.15526)",
    needs_teacher=True,
    in_batch=False,
    of=lambda batch: kl(batch.own, batch.teacher, batch.valid),
)
