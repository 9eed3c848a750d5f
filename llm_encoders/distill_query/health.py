"""Collapse of a student: all queries alike, or none with a term."""

import sys

import torch
from torch import Tensor

from llm_encoders.distill_query.recipe.sections import Health
from llm_encoders.train.health import Collapse

_ALIKE = 1e-3
"""Norm of the deviations from the mean vector, relative to that of the vectors, below which
queries cannot be told apart."""


def collapse_of(vectors: Tensor, sparse: bool) -> str | None:
    """What is wrong with the vectors of different queries, float32 [queries, width].

    Returns:
        A clause; ``None`` if they are sound, or only one.
    """
    if sparse and not bool((vectors > 0).any()):
        return "no query has a term with a weight"
    if not bool(vectors.any()):
        return "the vectors of all queries are zero"
    if len(vectors) < 2:
        return None
    spread = (vectors - vectors.mean(0)).norm() / vectors.norm()
    return "the vectors of all queries are alike" if float(spread) < _ALIKE else None


class CollapseMonitor:
    """Stops a run whose batches are collapsed for some steps in a row.

    Args:
        sparse: whether the student is.
        health: what a collapse does, and how many steps count as one.
    """

    def __init__(self, sparse: bool, health: Health) -> None:
        self.sparse, self.health = sparse, health
        self._steps = 0
        self._warned = False

    @torch.no_grad()
    def observe(self, vectors: Tensor, step: int) -> None:
        """Take note of a batch's vectors.

        Raises:
            Collapse: as the recipe says.
        """
        if self.health.collapse == "off":
            return
        found = collapse_of(vectors, self.sparse)
        self._steps = 0 if found is None else self._steps + 1
        if found is None or self._steps < self.health.patience:
            return
        problem = collapse_sentence(f"Step {step}: for {self._steps} steps", found)
        if self.health.collapse == "stop":
            raise Collapse(f"{problem} health.collapse in the recipe sets what a collapse does.")
        if not self._warned:
            self._warned = True
            print(f"warning: {problem}", file=sys.stderr)


def collapse_sentence(when: str, found: str) -> str:
    """A collapse, and what may help."""
    return (
        f"{when} {found}. Lower the learning rate or the regularisation, lengthen the warm-up, or "
        "choose another loss: cosine alone lets sparse weights shrink to nothing."
    )
