"""MarginMSE: the student's margins between positive and negatives imitate the teacher's."""

import torch
from torch import Tensor

from llm_encoders.train.losses.loss import Loss


def margin_mse(scores: Tensor, teacher: Tensor, valid: Tensor) -> Tensor:
    """Mean squared difference of score margins, MarginMSE (arXiv 2010.02666, equation 7).

    With one negative a query it is the distillation loss of arXiv 2502.15526.

    Args:
        scores: float32 [queries, passages of a query], positive first, divided by the temperature.
        teacher: float32 of the same shape.
        valid: bool of the same shape, false where a query has fewer passages.

    Returns:
        The mean over all (query, negative) pairs, a scalar; zero without any.
    """
    student_margin = scores[:, :1] - scores[:, 1:]
    teacher_margin = teacher[:, :1] - teacher[:, 1:]
    counted = valid[:, 1:]
    squares = torch.where(counted, student_margin - teacher_margin, 0.0).square()
    return squares.sum() / counted.sum().clamp(min=1)


MARGIN_MSE = Loss(
    name="margin_mse",
    title="MarginMSE",
    equation="mean over its negatives of ((s+ - s-) - (t+ - t-))^2",
    citation="MarginMSE (arXiv 2010.02666)",
    needs_teacher=True,
    in_batch=False,
    of=lambda batch: margin_mse(batch.own, batch.teacher, batch.valid),
)
