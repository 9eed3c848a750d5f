"""The training objective: a weighted sum of ranking losses and regularisers over a global batch."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from llm_encoders.train import losses
from llm_encoders.train.regularisers import flops


@dataclass(frozen=True)
class Candidates:
    """Which passages of a batch belong to which query."""

    groups: Tensor
    """int64 [queries, n]: columns of a query's own passages, its positive first; -1 for none."""
    teacher: Tensor | None = None
    """float32 [queries, n]: teacher scores of these passages."""
    excluded: Tensor | None = None
    """bool [queries, passages]: passages that are no candidates of a query."""

    def to(self, device: torch.device) -> "Candidates":
        """The same on another device."""
        parts = (self.groups, self.teacher, self.excluded)
        return Candidates(*(None if part is None else part.to(device) for part in parts))


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

    contrastive: float = 0.0
    kl: float = 0.0
    margin_mse: float = 0.0
    temperature: float = 1.0
    """Divisor of the student's scores."""
    teacher_temperature: float = 1.0
    query_regularisation: float = 0.0
    passage_regularisation: float = 0.0
    regulariser: Callable[[Tensor], Tensor] = field(default=flops)

    def parts(
        self, queries: Tensor, passages: Tensor, candidates: Candidates, ramp: float = 1.0
    ) -> list[Part]:
        """All terms with a weight.

        Args:
            queries: float32 [queries, vocabulary or hidden].
            passages: float32 [passages, vocabulary or hidden].
            candidates: which passages belong to which query.
            ramp: share of the regularisation weights that counts at this step.
        """
        scores = queries @ passages.T / self.temperature  # [queries, passages]
        found = []
        if self.contrastive:
            value = losses.contrastive(scores, candidates.groups[:, 0], candidates.excluded)
            found.append(Part("contrastive", value, self.contrastive))
        if self.kl or self.margin_mse:
            assert candidates.teacher is not None
            valid = candidates.groups >= 0
            own = scores.gather(1, candidates.groups.clamp(min=0))  # [queries, n]
            teacher = candidates.teacher / self.teacher_temperature
            if self.kl:
                found.append(Part("kl", losses.kl(own, teacher, valid), self.kl))
            if self.margin_mse:
                value = losses.margin_mse(own, teacher, valid)
                found.append(Part("margin_mse", value, self.margin_mse))
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
