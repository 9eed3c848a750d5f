"""What a teacher is."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


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
