"""What a teacher is."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Passage:
    """A passage to score; equal keys stand for equal texts."""

    key: Hashable
    title: str | None
    text: str

    @property
    def joined(self) -> str:
        """Title and text with a space between."""
        return f"{self.title} {self.text}" if self.title else self.text


class Teacher(ABC):
    """Scores passages for queries; higher is better."""

    @abstractmethod
    def scores(self, groups: Sequence[tuple[str, Sequence[Passage]]]) -> list[list[float]]:
        """Scores of every (query, its passages), float32 values in the order given."""


class PairTeacher(Teacher):
    """Reads query and passage together; pairs of like length share a batch."""

    batch_size: int

    @abstractmethod
    def prepare(self, query: str, passage: str) -> Any:
        """What the model is given of a pair."""

    @abstractmethod
    def length(self, prepared: Any) -> int:
        """Something that grows with the tokens of a pair."""

    @abstractmethod
    def logits(self, batch: list[Any]) -> Tensor:
        """One score a pair, [batch]."""

    @torch.inference_mode()
    def scores(self, groups: Sequence[tuple[str, Sequence[Passage]]]) -> list[list[float]]:
        """See :class:`Teacher`."""
        pairs = [
            self.prepare(query, passage.joined)
            for query, passages in groups
            for passage in passages
        ]
        order = sorted(range(len(pairs)), key=lambda row: -self.length(pairs[row]))
        flat = torch.empty(len(pairs))
        for first in range(0, len(order), self.batch_size):
            rows = order[first : first + self.batch_size]
            flat[rows] = self.logits([pairs[row] for row in rows]).float().cpu()
        values = iter(flat.tolist())
        return [[next(values) for _ in passages] for _, passages in groups]
