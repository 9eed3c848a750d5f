"""What a teacher is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from llm_encoders.errors import EncoderError


@dataclass(frozen=True)
class Passage:
    """A passage to score; equal keys stand for equal texts."""

    key: Any
    title: str | None
    text: str

    @property
    def joined(self) -> str:
        """Title and text with a space between."""
        return f"{self.title} {self.text}" if self.title else self.text


Group = tuple[str, Sequence[Passage]]
"""A query and its passages."""


class RunBatches(Protocol):
    """How a teacher's batches are computed: at once, or so that a kill loses none."""

    def __call__(
        self, what: str, count: int, batch_size: int, compute: Callable[[slice], Any]
    ) -> Any:
        """Rows 0 to ``count`` of what ``compute`` gives; ``what`` names them to the user."""


class InMemory:
    """Batches one after the other, all in memory."""

    def __call__(
        self, what: str, count: int, batch_size: int, compute: Callable[[slice], Any]
    ) -> "InMemory":
        """See :class:`RunBatches`."""
        blocks = [
            compute(slice(first, min(first + batch_size, count)))
            for first in range(0, count, batch_size)
        ]
        self._rows: list[tuple[np.ndarray, np.ndarray | None]] = [
            row for block in blocks for row in _rows(block)
        ]
        return self

    def row(self, number: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Values of one row and, where it is sparse, their columns."""
        return self._rows[number]


def _rows(block: Any) -> list[tuple[np.ndarray, np.ndarray | None]]:
    if isinstance(block, np.ndarray):
        return [(row, None) for row in block]
    spans = [slice(*block.indptr[row : row + 2]) for row in range(block.shape[0])]
    return [(block.data[span], block.indices[span]) for span in spans]


class Teacher(ABC):
    """Scores passages for queries; higher is better."""

    window = 4096
    """Most pairs that are scored together, so that pairs of like length share a batch."""
    details = ""
    """How it reads texts, in words for the user, where its files say so."""

    @abstractmethod
    def scores(self, groups: Sequence[Group], run: RunBatches | None = None) -> list[list[float]]:
        """Scores of every (query, its passages), float32 values in the order given.

        Args:
            groups: queries with their passages.
            run: how batches are computed; ``None`` keeps all in memory.
        """


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

    def scores(self, groups: Sequence[Group], run: RunBatches | None = None) -> list[list[float]]:
        """See :class:`Teacher`."""
        pairs = [
            (query, passage, self.prepare(query, passage.joined))
            for query, passages in groups
            for passage in passages
        ]
        order = sorted(range(len(pairs)), key=lambda row: -self.length(pairs[row][2]))

        @torch.inference_mode()
        def compute(batch: slice) -> np.ndarray:
            chosen = [pairs[row] for row in order[batch]]
            scores = self.logits([prepared for _, _, prepared in chosen]).float().cpu().numpy()
            for (query, passage, _), score in zip(chosen, scores, strict=True):
                require_finite(score, query, passage)
            return scores[:, None]

        found = np.full(len(pairs), np.nan, dtype=np.float32)
        if pairs:
            rows = (run or InMemory())("pairs", len(pairs), self.batch_size, compute)
            for place, row in enumerate(order):
                found[row] = rows.row(place)[0][0]
        values = iter(found.tolist())
        return [[next(values) for _ in passages] for _, passages in groups]


def require_finite(score: Any, query: str, passage: Passage | None) -> None:
    """Refuse NaN and infinite numbers of a teacher.

    Raises:
        EncoderError: names the query and, where there is one, the passage.
    """
    if np.isfinite(score).all():
        return
    about = f"the query '{_shown(query)}'" if query else "a passage"
    if passage is not None:
        about += f" {'and ' if query else ''}the passage '{_shown(passage.joined)}'"
    raise EncoderError(
        f"The teacher gave NaN or an infinite number for {about}. Its weights may be damaged. If "
        "it computes in float16 or bfloat16, give --dtype float32."
    )


def _shown(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 60 else f"{words[:59]}…"
