"""Batches as a function of the seed and the step alone, so that a run can be resumed anywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import torch
from torch.utils.data import Dataset

from llm_encoders.data.prepare import TrainingData
from llm_encoders.train.candidates import Candidates

TokenIds = list[list[int]]
_Item = TypeVar("_Item")


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
    """Of this process: each query's positive, then its negatives; then its random passages."""
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
    random_negatives: int = 0
    """Passages drawn at random for every batch, with which all of its queries are compared."""
    in_batch: bool = True
    """Whether a query is compared with the passages of other queries."""
    processes: int = 1
    rank: int = 0


class TrainingBatches(Dataset[TrainingBatch]):
    """Item ``i`` is the batch of step ``i``.

    Queries are shuffled again in every pass; batches cross the border between passes, so all are
    full. A query's positive and negatives are drawn again in every pass, and random negatives for
    every batch. Of these, each process has an equal share.

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
        parts, shares = self._split(drawn), self._split(self._random(step))
        counts = [len(part) for part in parts]
        candidates = self._candidates(parts, shares)
        own = parts[self.sampling.rank]
        rows = [row for one in own for row in one.rows] + shares[self.sampling.rank]
        texts, titles = self.data.passages.texts(rows)
        return TrainingBatch(
            self._tokenize_queries([one.query for one in own]),
            self._tokenize_passages(texts, titles),
            counts,
            [
                sum(len(one.rows) for one in part) + len(share)
                for part, share in zip(parts, shares, strict=True)
            ],
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

    def _random(self, step: int) -> list[int]:
        """Rows of the passages that all queries of a batch are compared with."""
        count, passages = self.sampling.random_negatives, len(self.data.passages)
        generator = np.random.default_rng([self.sampling.seed, 4, step])
        return [int(row) for row in generator.choice(passages, count, replace=False)]

    def _split(self, items: list[_Item]) -> list[list[_Item]]:
        """The share of every process."""
        bounds = np.linspace(0, len(items), self.sampling.processes + 1).astype(int)
        return [items[a:b] for a, b in pairwise(bounds)]

    def _candidates(self, parts: list[list["_Drawn"]], shares: list[list[int]]) -> Candidates:
        """The structure of a batch whose columns are those of one process after the other.

        Args:
            parts: the queries of every process.
            shares: the random passages of every process, which stand behind those of its queries.
        """
        drawn = [one for part in parts for one in part]
        widest = max(len(one.rows) for one in drawn)
        groups = torch.full((len(drawn), widest), -1, dtype=torch.int64)
        with_scores = all(one.scores is not None for one in drawn)
        teacher = torch.zeros((len(drawn), widest)) if with_scores else None
        rows: list[int] = []
        random: list[bool] = []
        number = 0
        for part, share in zip(parts, shares, strict=True):
            for one in part:
                groups[number, : len(one.rows)] = torch.arange(len(rows), len(rows) + len(one.rows))
                if teacher is not None:
                    teacher[number, : len(one.rows)] = torch.tensor(one.scores)
                rows += one.rows
                random += [False] * len(one.rows)
                number += 1
            rows += share
            random += [True] * len(share)
        excluded = self._excluded(drawn, np.array(rows), np.array(random), groups)
        return Candidates(groups, teacher, excluded)

    def _excluded(
        self, drawn: list["_Drawn"], rows: np.ndarray, random: np.ndarray, groups: torch.Tensor
    ) -> torch.Tensor:
        """Passages that a query is not compared with: bool [queries, passages].

        Those are all passages with the text of the query or of one that is relevant to it in any
        record, but for the positive that was drawn; see :class:`Relevance`. Without
        ``exclude_known_positives`` they are negatives like others.
        Without ``in_batch``, a query is compared with its own passages and the random ones alone.
        With ``candidates``, it is compared with its own passages and those of the queries
        after it, around the end of the batch, up to that number, and with the random ones.
        """
        if self.sampling.exclude_known_positives:
            texts = self.data.passages
            excluded = np.stack([texts.have_texts(rows, one.relevant) for one in drawn])
        else:
            excluded = np.zeros((len(drawn), len(rows)), dtype=bool)
        places = np.cumsum(~random) - 1  # among the passages of queries
        first = places[groups[:, 0].numpy()]
        distance = (places[None, :] - first[:, None]) % (places[-1] + 1)
        if not self.sampling.in_batch:
            own = np.array([len(one.rows) for one in drawn])
            excluded |= (distance >= own[:, None]) & ~random
        elif self.sampling.candidates is not None:
            excluded |= (distance >= self.sampling.candidates) & ~random
        result = torch.from_numpy(excluded)
        return result.scatter(1, groups[:, :1], False)


@dataclass(frozen=True)
class _Drawn:
    query: str
    rows: list[int]
    relevant: np.ndarray
    """Keys of the texts that must not be negatives of the query."""
    scores: list[Any] | None
