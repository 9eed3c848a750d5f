"""Mean squared error between the query vectors of student and teacher, dense."""

from torch import Tensor

from llm_encoders.distill_query.losses.loss import Loss


def mse(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared Euclidean distance ||s - t||² of every query, summed over components.

    ScalingNote's regression of query embeddings (arXiv 2411.15766, stage 2). The loss is the mean
    over queries of these sums; it is not divided by the number of components. For vectors of
    length 1 it is 2 (1 - cos(s, t)), of the order of the cosine loss beside which it stands with
    the same weight.

    Args:
        student: float32 [queries, dimension].
        teacher: float32 of the same shape.

    Returns:
        float32 [queries].
    """
    return (student - teacher).square().sum(1)


MSE = Loss(
    name="mse",
    title="MSE",
    equation="||s - t||^2, the sum over components",
    citation="ScalingNote (arXiv 2411.15766)",
    paradigms=("dense",),
    needs_candidates=False,
    needs_scores=False,
    of=lambda batch: mse(batch.student, batch.teacher),
)
