"""What a ranking loss is, and what it sees of a batch."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from llm_encoders.train.candidates import Candidates


@dataclass(frozen=True)
class ScoredBatch:
    """The student's scores of a whole batch, and the teacher's of every query's own passages."""

    scores: Tensor
    """float32 [queries, passages], divided by the student's temperature."""
    candidates: Candidates
    teacher_temperature: float = 1.0

    @property
    def valid(self) -> Tensor:
        """bool [queries, n], false where a query has fewer than n passages of its own."""
        return self.candidates.groups >= 0

    @property
    def own(self) -> Tensor:
        """float32 [queries, n]: the scores of every query's own passages, its positive first."""
        return self.scores.gather(1, self.candidates.groups.clamp(min=0))

    @property
    def teacher(self) -> Tensor:
        """float32 [queries, n]: the teacher's scores, divided by the teacher's temperature."""
        assert self.candidates.teacher is not None
        return self.candidates.teacher / self.teacher_temperature


@dataclass(frozen=True)
class Loss:
    """A ranking loss. Its name is its key in the section ``objective`` of a recipe."""

    name: str
    title: str
    """As a model card names it."""
    equation: str
    """Of one query, where s are the student's scores and t the teacher's, each divided by its
    temperature; + marks the positive."""
    citation: str
    needs_teacher: bool
    """Whether training data must have teacher scores."""
    in_batch: bool
    """Whether a query is compared with in-batch and random negatives; if not, it needs its own."""
    of: Callable[[ScoredBatch], Tensor]
    """The mean over the batch, a scalar."""
