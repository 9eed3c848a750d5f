"""The training objective: a weighted sum of ranking losses and regularisers over a global batch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from llm_encoders.train.candidates import Candidates
from llm_encoders.train.losses import LOSSES, ScoredBatch
from llm_encoders.train.losses.title_prediction import NAME as TITLE_PREDICTION
from llm_encoders.train.losses.title_prediction import title_prediction
from llm_encoders.train.regularisers.flops import flops


@dataclass(frozen=True)
class Part:
    """One term of the objective at one step."""

    name: str
    value: Tensor
    """Unweighted."""
    weight: float


@dataclass(frozen=True)
class Objective:
    """Weights of the ranking losses and of the sparsity regularisers.

    All terms are functions of the representations of the *whole* batch, whichever process made
    them, so that their values do not depend on the number of processes.
    """

    losses: Mapping[str, float]
    """Weights by the names of :data:`llm_encoders.train.losses.LOSSES`."""
    temperature: float = 1.0
    """Divisor of the student's scores."""
    teacher_temperature: float = 1.0
    query_regularisation: float = 0.0
    passage_regularisation: float = 0.0
    regulariser: Callable[[Tensor], Tensor] = field(default=flops)
    title_prediction: float = 0.0
    """Weight of :mod:`llm_encoders.train.losses.title_prediction`."""
    token_rows: Callable[[], Tensor | None] = field(default=lambda: None)
    """The LM head at present, [vocabulary, hidden], where dense vectors predict titles."""

    def parts(
        self,
        queries: Tensor,
        passages: Tensor,
        candidates: Candidates,
        ramp: float = 1.0,
        titled: tuple[Tensor, Tensor] | None = None,
    ) -> list[Part]:
        """All terms with a weight.

        Args:
            queries: float32 [queries, vocabulary or hidden].
            passages: float32 [passages, vocabulary or hidden].
            candidates: which passages belong to which query.
            ramp: share of the regularisation weights that counts at this step.
            titled: vectors of positives without their title, and its tokens; see
                :func:`llm_encoders.train.losses.title_prediction.title_prediction`.
        """
        scores = queries @ passages.T / self.temperature  # [queries, passages]
        batch = ScoredBatch(scores, candidates, self.teacher_temperature)
        found = [
            Part(loss.name, loss.of(batch), self.losses[loss.name])
            for loss in LOSSES.values()
            if self.losses.get(loss.name)
        ]
        if titled is not None:
            predicted = title_prediction(*titled, self.temperature, self.token_rows())
            found.append(Part(TITLE_PREDICTION, predicted, self.title_prediction))
        if self.query_regularisation:
            weight = ramp * self.query_regularisation
            found.append(Part("query_regularisation", self.regulariser(queries), weight))
        if self.passage_regularisation:
            weight = ramp * self.passage_regularisation
            found.append(Part("passage_regularisation", self.regulariser(passages), weight))
        return found


def total(parts: list[Part]) -> Tensor:
    """The weighted sum."""
    return torch.stack([part.weight * part.value for part in parts]).sum()
