"""What is minimised: a weighted sum of distillation losses, and FLOPS on the student's queries."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from llm_encoders.distill_query.losses import LOSSES, Distilled
from llm_encoders.distill_query.losses.cosine import cosine
from llm_encoders.distill_query.losses.loss import mean
from llm_encoders.distill_query.losses.mse import mse
from llm_encoders.train.objective import Part
from llm_encoders.train.regularisers.flops import flops

REGULARISATION = "regularisation"
OBJECTIVE = "objective"


@dataclass(frozen=True)
class Objective:
    """Weights of the losses and of the regulariser."""

    losses: Mapping[str, float]
    """By the names of :data:`llm_encoders.distill_query.losses.LOSSES`."""
    regularisation: float = 0.0

    def parts(self, batch: Distilled, ramp: float = 1.0) -> list[Part]:
        """All terms with a weight.

        Args:
            batch: of all processes.
            ramp: share of the regularisation weight that counts at this step.
        """
        found = [
            Part(loss.name, mean(loss.of(batch)), self.losses[loss.name])
            for loss in LOSSES.values()
            if self.losses.get(loss.name)
        ]
        if self.regularisation:
            weight = ramp * self.regularisation
            found.append(Part(REGULARISATION, flops(batch.student), weight))
        return found


class HeldOutFigures:
    """Means over the queries that are held out.

    They do not depend on the blocks that the queries come in, but for the contrastive loss, whose
    in-batch negatives are those of a block.

    ``objective`` is the weighted sum of the losses, and of the regulariser with its full weight;
    it chooses the checkpoint. ``mse`` and ``cosine_similarity`` are reported whatever is minimised.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._weights: Tensor | None = None
        self._queries = 0

    @torch.no_grad()
    def add(self, batch: Distilled) -> None:
        """Take a block of queries."""
        for name in self._objective.losses:
            self._take(name, LOSSES[name].of(batch))
        self._take("cosine_similarity", 1 - cosine(batch.student, batch.teacher))
        if "mse" not in self._objective.losses:
            self._take("mse", mse(batch.student, batch.teacher))
        if self._objective.regularisation:
            summed = batch.student.double().sum(0)
            self._weights = summed if self._weights is None else self._weights + summed
        self._queries += len(batch.student)

    def _take(self, name: str, values: Tensor) -> None:
        self._sums[name] = self._sums.get(name, 0.0) + float(values.double().sum())
        self._counts[name] = self._counts.get(name, 0) + len(values)

    def figures(self) -> dict[str, float]:
        """The means by name."""
        found = {name: value / max(1, self._counts[name]) for name, value in self._sums.items()}
        objective = sum(weight * found[name] for name, weight in self._objective.losses.items())
        if self._weights is not None:
            found[REGULARISATION] = float(flops((self._weights / self._queries).unsqueeze(0)))
            objective += self._objective.regularisation * found[REGULARISATION]
        return {OBJECTIVE: objective, **found}
