"""Mean squared error between the log-saturated term weights of student and teacher, sparse."""

from torch import Tensor

from llm_encoders.distill_query.losses.loss import Loss


def log_mse(student: Tensor, teacher: Tensor) -> Tensor:
    """Sum over the whole vocabulary of (s - t)², of every query.

    s and t are term weights log(1 + relu(logit)) as encoders give them, so they are saturated
    already, and no second logarithm is taken. Terms that neither has cost nothing; a term that
    the student has alone costs its weight squared, as much as a term of that weight that it lacks.
    The loss is the mean over queries of these sums.

    Args:
        student: float32 [queries, vocabulary].
        teacher: float32 of the same shape.

    Returns:
        float32 [queries].
    """
    return (student - teacher).pow(2).sum(1)


LOG_MSE = Loss(
    name="log_mse",
    title="MSE of log-saturated weights",
    equation="sum over terms of (s - t)^2, where s and t are weights log(1 + relu(logit))",
    citation="SPLADE's weights (arXiv 2109.10086), regressed as in ScalingNote (arXiv 2411.15766)",
    paradigms=("sparse",),
    needs_candidates=False,
    needs_scores=False,
    of=lambda batch: log_mse(batch.student, batch.teacher),
)
