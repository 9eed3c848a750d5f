"""Batches as a function of the seed and the step alone, so that a run can be resumed anywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from llm_encoders.data.prepare import TrainingData
from llm_encoders.train.candidates import Candidates

TokenIds = list[list[int]]


@dataclass(frozen=True)
class Titled:
    """The positives of a batch that have a title, for the loss that predicts it."""

    texts: TokenIds
    """Of this process, without the title."""
    counts: list[int]
    """Such positives of every process."""
    titles: torch.Tensor
    """int64 [sum of counts, n]: the titles' tokens in the whole batch, -1 beyond their ends."""


@dataclass(frozen=True)
class TrainingBatch:
    """The texts of one process and the structure of the whole batch."""

    queries: TokenIds
    """Of this process."""
    passages: TokenIds
    """Of this process: each query's positive, then its negatives."""
    query_counts: list[int]
    """Queries of every process."""
    passage_counts: list[int]
    candidates: Candidates
    """Of the whole batch; the same on every process."""
    titled: Titled | None = None
    """Where a loss predicts titles."""

    @property
    def texts(self) -> TokenIds:
        """All that passes through the model: queries, passages, passages without their title."""
        return self.queries + self.passages + ([] if self.titled is None else self.titled.texts)


@dataclass(frozen=True)
class Sampling:
    """How a batch is drawn."""

    queries: int
    """Queries of the whole batch, over all processes."""
    negatives: int
    """Hard negatives a query, at most."""
    seed: int
    candidates: int | None = None
    """Passages that a query is compared with, its own included; ``None`` for the whole batch."""
    exclude_known_positives: bool = True
    """Whether passages with the text of a known positive are no negatives of a query."""
    processes: int = 1
    rank: int = 0


class TrainingBatches(Dataset[TrainingBatch]):
    """Item ``i`` is the batch of step ``i``.

    Queries are shuffled again in every pass; batches cross the border between passes, so all are
    full. A query's positive and negatives are drawn again in every pass.

    Args:
        data: prepared queries and passages.
        sampling: how to draw.
        steps: number of batches.
        tokenize_queries: texts to token ids.
        tokenize_passages: texts and titles to token ids.
        tokenize_titles: titles alone to token ids, without special tokens, where a loss predicts
            them.
    """

    def __init__(
        self,
        data: TrainingData,
        sampling: Sampling,
        steps: int,
        tokenize_queries: Callable[[Sequence[str]], TokenIds],
        tokenize_passages: Callable[[Sequence[str], Sequence[str | None]], TokenIds],
        tokenize_titles: Callable[[Sequence[str]], TokenIds] | None = None,
    ) -> None:
        self.data = data
        self.sampling = sampling
        self.steps = steps
        self._tokenize_queries = tokenize_queries
        self._tokenize_passages = tokenize_passages
        self._tokenize_titles = tokenize_titles
        self._orders: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> TrainingBatch:
        if not 0 <= step < self.steps:
            raise IndexError(step)
        drawn = [self._draw(place) for place in self._places(step)]
        counts, passage_counts, own = self._shares(drawn)
        candidates = self._candidates(drawn)
        texts, titles = self.data.passages.texts([row for one in own for row in one.rows])
        return TrainingBatch(
            self._tokenize_queries([one.query for one in own]),
            self._tokenize_passages(texts, titles),
            counts,
            passage_counts,
            candidates,
            self._titled(drawn, counts),
        )

    def _titled(self, drawn: list["_Drawn"], counts: list[int]) -> Titled | None:
        if self._tokenize_titles is None:
            return None
        texts, titles = self.data.passages.texts([one.rows[0] for one in drawn])
        tokens = self._tokenize_titles([title or "" for title in titles])
        ends = np.cumsum(counts)
        own = range(ends[self.sampling.rank] - counts[self.sampling.rank], ends[self.sampling.rank])
        chosen = [texts[place] for place in own if tokens[place]]
        found = torch.full((sum(map(bool, tokens)), max(map(len, tokens))), -1, dtype=torch.int64)
        for row, ids in enumerate(filter(None, tokens)):
            found[row, : len(ids)] = torch.tensor(ids)
        return Titled(
            self._tokenize_passages(chosen, [None] * len(chosen)),
            [sum(map(bool, tokens[a:b])) for a, b in pairwise([0, *ends])],
            found,
        )

    def _places(self, step: int) -> range:
        return range(step * self.sampling.queries, (step + 1) * self.sampling.queries)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_orders": {}}

    def _order(self, epoch: int) -> np.ndarray:
        """Numbers of the queries in the order of a pass; a batch needs at most two passes'."""
        if epoch not in self._orders:
            for other in [one for one in self._orders if abs(one - epoch) > 1]:
                del self._orders[other]
            generator = np.random.default_rng([self.sampling.seed, epoch])
            self._orders[epoch] = generator.permutation(len(self.data.queries))
        return self._orders[epoch]

    def _draw(self, place: int) -> "_Drawn":
        epoch, number = divmod(place, len(self.data.queries))
        one = self.data.queries[int(self._order(epoch)[number])]
        generator = np.random.default_rng([self.sampling.seed, 1, place])
        positive = int(generator.integers(len(one["positives"])))
        wanted = min(self.sampling.negatives, len(one["negatives"]))
        chosen = generator.permutation(len(one["negatives"]))[:wanted]
        rows = [one["positives"][positive], *(one["negatives"][i] for i in chosen)]
        scores = None
        if one["positive_scores"] is not None:
            negative = one["negative_scores"] or []
            if len(negative) == len(one["negatives"]):
                scores = [one["positive_scores"][positive], *(negative[i] for i in chosen)]
        return _Drawn(one["query"], rows, self.data.relevance.of(one["group"]), scores)

    def _shares(self, drawn: list["_Drawn"]) -> tuple[list[int], list[int], list["_Drawn"]]:
        """Queries and passages of every process, and the part of this one."""
        bounds = np.linspace(0, len(drawn), self.sampling.processes + 1).astype(int)
        parts = [drawn[a:b] for a, b in pairwise(bounds)]
        passages = [sum(len(one.rows) for one in part) for part in parts]
        return [len(part) for part in parts], passages, parts[self.sampling.rank]

    def _candidates(self, drawn: list["_Drawn"]) -> Candidates:
        widest = max(len(one.rows) for one in drawn)
        groups = torch.full((len(drawn), widest), -1, dtype=torch.int64)
        with_scores = all(one.scores is not None for one in drawn)
        teacher = torch.zeros((len(drawn), widest)) if with_scores else None
        column = 0
        for number, one in enumerate(drawn):
            groups[number, : len(one.rows)] = torch.arange(column, column + len(one.rows))
            column += len(one.rows)
            if teacher is not None:
                teacher[number, : len(one.rows)] = torch.tensor(one.scores)
        return Candidates(groups, teacher, self._excluded(drawn, groups, column))

    def _excluded(self, drawn: list["_Drawn"], groups: torch.Tensor, columns: int) -> torch.Tensor:
        """Passages that a query is not compared with: bool [queries, passages].

        Those are all passages with the text of the query or of one that is relevant to it in any
        record, but for the positive that was drawn; see :class:`Relevance`. Without
        ``exclude_known_positives`` they are negatives like others.
        With ``candidates``, a query is compared with its own passages and those of the queries
        after it, around the end of the batch, up to that number.
        """
        rows = np.array([row for one in drawn for row in one.rows])  # once, for all queries
        if self.sampling.exclude_known_positives:
            texts = self.data.passages
            excluded = np.stack([texts.have_texts(rows, one.relevant) for one in drawn])
        else:
            excluded = np.zeros((len(drawn), len(rows)), dtype=bool)
        if self.sampling.candidates is not None:
            first = groups[:, 0].numpy()
            distance = (np.arange(columns)[None, :] - first[:, None]) % columns
            excluded |= distance >= self.sampling.candidates
        result = torch.from_numpy(excluded)
        return result.scatter(1, groups[:, :1], False)


@dataclass(frozen=True)
class _Drawn:
    query: str
    rows: list[int]
    relevant: np.ndarray
    """Keys of the texts that must not be negatives of the query."""
    scores: list[Any] | None
