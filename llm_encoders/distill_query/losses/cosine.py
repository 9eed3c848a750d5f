"""Cosine loss between the query vectors of student and teacher."""

from torch import Tensor
from torch.nn.functional import cosine_similarity

from llm_encoders.distill_query.losses.loss import Loss


def cosine(student: Tensor, teacher: Tensor) -> Tensor:
    """1 - cos(s, t) of every query (ScalingNote, arXiv 2411.15766, stage 2).

    It says nothing of a vector's length. Sparse students are known to collapse under it alone,
    because the weights of terms can shrink to nothing without a change of the angle.

    Args:
        student: float32 [queries, dimension or vocabulary].
        teacher: float32 of the same shape.

    Returns:
        float32 [queries], from 0 to 2; 1 where a vector is zero.
    """
    return 1 - cosine_similarity(student, teacher, dim=1)


COSINE = Loss(
    name="cosine",
    title="cosine",
    equation="1 - cos(s, t)",
    citation="ScalingNote (arXiv 2411.15766)",
    paradigms=("dense", "sparse"),
    needs_candidates=False,
    needs_scores=False,
    of=lambda batch: cosine(batch.student, batch.teacher),
)
