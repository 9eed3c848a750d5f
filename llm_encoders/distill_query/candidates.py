"""Mined candidates of queries: which passages, their scores, and the teacher's vectors of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from llm_encoders.data.prepare import TrainingData
from llm_encoders.data.text_keys import text_key
from llm_encoders.distill_query.losses import QueryCandidates
from llm_encoders.jobs.resumable_batches import StoredRows


@dataclass(frozen=True)
class MinedCandidates:
    """Records of queries, by the query they are of.

    Args:
        data: prepared records; every passage has a score, where a loss needs it.
        records: numbers of the records of every query, by number of the query.
        passages: the teacher's vectors, by number of the passage.
        negatives: largest number of negatives that are drawn for a query.
    """

    data: TrainingData
    records: dict[int, list[int]]
    passages: StoredRows
    negatives: int

    def of(self, rows: Sequence[int], seed: Sequence[int]) -> QueryCandidates | None:
        """The candidates of these queries; ``None`` if none of them has any.

        Of several records of a query, and of their positives and negatives, some are drawn.
        """
        generator = np.random.default_rng(list(seed))
        drawn = [self._draw(row, generator) for row in rows]
        if not any(one.passages for one in drawn):
            return None
        widest = max(len(one.passages) for one in drawn)
        scores = torch.zeros((len(rows), widest))
        valid = torch.zeros((len(rows), widest), dtype=torch.bool)
        owner: list[int] = []
        slot: list[int] = []
        entries = _Entries()
        for place, one in enumerate(drawn):
            if one.scores is not None:
                scores[place, : len(one.scores)] = torch.tensor(one.scores)
            valid[place, : len(one.passages)] = True
            for number, passage in enumerate(one.passages):
                entries.add(len(owner), *self.passages.row(passage))
                owner.append(place)
                slot.append(number)
        of_passage, column, value = entries.tensors()
        return QueryCandidates(
            torch.tensor(owner),
            torch.tensor(slot),
            of_passage,
            column,
            value,
            scores,
            valid,
            self._excluded(drawn),
        )

    def _excluded(self, drawn: list["_Drawn"]) -> torch.Tensor:
        passages = [passage for one in drawn for passage in one.passages]
        found = np.zeros((len(drawn), len(passages)), dtype=bool)
        for place, one in enumerate(drawn):
            if one.record is not None:
                found[place] = self.data.excluded_negatives(one.record, passages)
        return torch.from_numpy(found)

    def _draw(self, row: int, generator: np.random.Generator) -> "_Drawn":
        records = self.records.get(row)
        if not records:
            return _Drawn([], None, None)
        one = self.data.queries[records[int(generator.integers(len(records)))]]
        positive = int(generator.integers(len(one["positives"])))
        wanted = min(self.negatives, len(one["negatives"]))
        chosen = generator.permutation(len(one["negatives"]))[:wanted]
        passages = [one["positives"][positive], *(one["negatives"][i] for i in chosen)]
        if one["positive_scores"] is None or len(one["negative_scores"] or []) != len(
            one["negatives"]
        ):
            return _Drawn(passages, None, one)
        scores = [one["positive_scores"][positive], *(one["negative_scores"][i] for i in chosen)]
        return _Drawn(passages, scores, one)


@dataclass(frozen=True)
class _Drawn:
    """What was drawn of one query's records."""

    passages: list[int]
    """A positive first."""
    scores: list[float] | None
    record: dict[str, Any] | None


class _Entries:
    """Vectors of passages as their entries."""

    def __init__(self) -> None:
        self._passage: list[np.ndarray] = []
        self._column: list[np.ndarray] = []
        self._value: list[np.ndarray] = []

    def add(self, number: int, values: np.ndarray, columns: np.ndarray | None) -> None:
        self._passage.append(np.full(len(values), number, dtype=np.int64))
        self._column.append(np.arange(len(values)) if columns is None else columns.astype(np.int64))
        self._value.append(np.asarray(values, dtype=np.float32))

    def tensors(self) -> list[torch.Tensor]:
        """Passage, column and value of every entry."""
        parts = (self._passage, self._column, self._value)
        return [torch.from_numpy(np.concatenate(part)) for part in parts]


def records_of(data: TrainingData, texts: Sequence[str]) -> dict[int, list[int]]:
    """Numbers of the records of every query, by its text as
    :func:`llm_encoders.data.text_keys.normalised` has it."""
    numbers = {text_key(text): number for number, text in enumerate(texts)}
    found: dict[int, list[int]] = {}
    for record in range(len(data.queries)):
        one: Any = data.queries[record]
        number = numbers.get(text_key(one["query"]))
        if number is not None:
            found.setdefault(number, []).append(record)
    return found
