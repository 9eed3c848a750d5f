"""Batches of queries as a function of the seed and the step alone, so that a run can be resumed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from llm_encoders.distill_query.candidates import MinedCandidates
from llm_encoders.distill_query.losses import QueryCandidates
from llm_encoders.jobs.resumable_batches import StoredRows

TokenIds = list[list[int]]


@dataclass(frozen=True)
class QueryBatch:
    """The queries of one process, and the teacher's vectors of the whole batch."""

    queries: TokenIds
    """Of this process."""
    counts: list[int]
    """Queries of every process."""
    teacher: Tensor
    """float32 [queries of all processes, dimension or vocabulary]."""
    candidates: QueryCandidates | None = None
    """Of the whole batch."""


@dataclass(frozen=True)
class Material:
    """What batches are made of."""

    texts: Callable[[Sequence[int]], list[str]]
    """The queries of these numbers."""
    tokenize: Callable[[Sequence[str]], TokenIds]
    """As the student does."""
    vectors: StoredRows
    """The teacher's, by number of the query."""
    candidates: MinedCandidates | None = None

    def batch(
        self, rows: Sequence[int], seed: Sequence[int], processes: int = 1, rank: int = 0
    ) -> QueryBatch:
        """The batch of these queries; ``seed`` draws their negatives."""
        bounds = np.linspace(0, len(rows), processes + 1).astype(int)
        own = rows[bounds[rank] : bounds[rank + 1]]
        return QueryBatch(
            self.tokenize(self.texts(own)),
            [int(last - first) for first, last in pairwise(bounds)],
            self._teacher(rows),
            None if self.candidates is None else self.candidates.of(rows, seed),
        )

    def _teacher(self, rows: Sequence[int]) -> Tensor:
        found = torch.zeros((len(rows), self.vectors.width))
        for place, row in enumerate(rows):
            values, columns = self.vectors.row(row)
            vector = torch.from_numpy(np.array(values))
            if columns is None:
                found[place] = vector
            else:
                found[place, torch.from_numpy(np.array(columns, dtype=np.int64))] = vector
        return found


class QueryBatches(Dataset[QueryBatch]):
    """Item ``i`` is the batch of step ``i``.

    Queries are shuffled again in every epoch; batches cross the border between epochs, so all are
    full.

    Args:
        material: what they are made of.
        rows: numbers of the queries that are trained on.
        size: queries of a batch, over all processes.
        steps: number of batches.
        seed: of the order.
        processes, rank: how many share a batch, and which this is.
    """

    def __init__(
        self,
        material: Material,
        rows: np.ndarray,
        size: int,
        steps: int,
        seed: int,
        processes: int = 1,
        rank: int = 0,
    ) -> None:
        self.material, self.rows = material, rows
        self.size, self.steps, self.seed = size, steps, seed
        self.processes, self.rank = processes, rank
        self._orders: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> QueryBatch:
        if not 0 <= step < self.steps:
            raise IndexError(step)
        places = range(step * self.size, (step + 1) * self.size)
        rows = [self._row(place) for place in places]
        return self.material.batch(rows, [self.seed, 6, step], self.processes, self.rank)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_orders": {}}

    def _row(self, place: int) -> int:
        epoch, number = divmod(place, len(self.rows))
        if epoch not in self._orders:
            for other in [one for one in self._orders if abs(one - epoch) > 1]:
                del self._orders[other]
            generator = np.random.default_rng([self.seed, epoch])
            self._orders[epoch] = generator.permutation(len(self.rows))
        return int(self.rows[self._orders[epoch][number]])


def held_out_rows(count: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split queries into those that are trained on and those that choose the checkpoint.

    Args:
        count: of all queries.
        share: to hold out; at least one query where it is not 0.
        seed: of the draw.

    Returns:
        int64 numbers of both, ascending; the second is empty for a share of 0.
    """
    held = max(1, round(share * count)) if share else 0
    order = np.random.default_rng([seed, 3]).permutation(count)
    return np.sort(order[held:]), np.sort(order[:held])
