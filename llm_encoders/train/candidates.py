"""Positives and hard, in-batch and random negatives: what a query is compared with."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Candidates:
    """The structure of a batch: own passages, teacher scores, and passages left out.

    A passage in no query's group is a random one, there for all queries.
    """

    groups: Tensor
    """int64 [queries, n]: columns of a query's own passages, its positive first; -1 for none."""
    teacher: Tensor | None = None
    """float32 [queries, n]: teacher scores of these passages."""
    excluded: Tensor | None = None
    """bool [queries, passages]: passages that a query is not compared with."""

    def to(self, device: torch.device) -> "Candidates":
        """The same on another device."""
        return Candidates(
            self.groups.to(device),
            None if self.teacher is None else self.teacher.to(device),
            None if self.excluded is None else self.excluded.to(device),
        )
