"""Token arrays and the batches drawn from them, a function of the seed and the step only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from data import WEIGHTS, Pair
from transformers import PreTrainedTokenizerFast


@dataclass
class Batch:
    """A batch of aligned queries and passages with teacher vectors."""

    query_ids: torch.Tensor  # [batch, query length]
    query_mask: torch.Tensor
    passage_ids: torch.Tensor  # [batch, passage length]
    passage_mask: torch.Tensor
    query_teacher: torch.Tensor  # [batch, hidden]
    passage_teacher: torch.Tensor
    same: torch.Tensor  # [batch, batch], true where a negative is in fact a positive


def tokenize(tokenizer: PreTrainedTokenizerFast, texts: list[str], length: int) -> list[np.ndarray]:
    """Ids of every text, truncated, without padding."""
    result: list[np.ndarray] = []
    for start in range(0, len(texts), 10000):
        rows = tokenizer(texts[start : start + 10000], truncation=True, max_length=length)
        result.extend(np.asarray(ids, dtype=np.int32) for ids in rows["input_ids"])
    return result


def pad(rows: list[np.ndarray], length: int, pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask ``[rows, length]``, padded on the right."""
    ids = torch.full((len(rows), length), pad_id, dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.from_numpy(row[:length].astype(np.int64))
    return ids, (ids != pad_id).long()


def principal_basis(vectors: torch.Tensor, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean ``[dim]`` and leading directions ``[dim, width]`` of unit ``vectors``."""
    sample = vectors[:: max(1, len(vectors) // 40000)].float()
    mean = sample.mean(0)
    _, _, right = torch.linalg.svd((sample - mean).T @ (sample - mean))
    return mean, right[:width].T.contiguous()


def project(vectors: torch.Tensor, mean: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    """Centred unit vectors in the basis: ``[n, dim]`` to ``[n, width]``."""
    return torch.nn.functional.normalize((vectors.float() - mean) @ basis, dim=-1)


def clusters(vectors: torch.Tensor, count: int, rounds: int = 8) -> torch.Tensor:
    """Spherical k-means: the cluster number of every row of unit ``vectors``."""
    generator = torch.Generator().manual_seed(5)
    centres = vectors[torch.randperm(len(vectors), generator=generator)[:count]].clone()
    labels = torch.zeros(len(vectors), dtype=torch.long)
    for _ in range(rounds):
        labels = torch.cat([(part @ centres.T).argmax(1) for part in vectors.split(20000)])
        sums = torch.zeros_like(centres).index_add_(0, labels, vectors)
        centres = torch.nn.functional.normalize(sums, dim=-1)
    return labels


class Batches:
    """Draws training batches: mixed ones, and ones of a few topics for harder negatives."""

    def __init__(
        self,
        pairs: list[Pair],
        tokenizer: PreTrainedTokenizerFast,
        query_teacher: torch.Tensor,
        passage_teacher: torch.Tensor,
        query_length: int = 32,
        passage_length: int = 128,
        seed: int = 13,
    ) -> None:
        rows = [i for i, pair in enumerate(pairs) if not pair.held_out]
        chosen = [pairs[i] for i in rows]
        self.pad_id = tokenizer.pad_token_id
        self.query_length, self.passage_length, self.seed = query_length, passage_length, seed
        self.queries = tokenize(tokenizer, [pair.query for pair in chosen], query_length)
        self.passages = tokenize(tokenizer, [pair.passage for pair in chosen], passage_length)
        self.query_teacher, self.passage_teacher = query_teacher[rows], passage_teacher[rows]
        groups: dict[str, int] = {}
        texts: dict[str, int] = {}
        self.groups = torch.tensor([groups.setdefault(p.group, len(groups)) for p in chosen])
        self.texts = torch.tensor([texts.setdefault(p.query.lower(), len(texts)) for p in chosen])
        weights = np.asarray([WEIGHTS.get(pair.source, 1.0) for pair in chosen])
        self.weights = weights / weights.sum()
        self.cumulative = np.cumsum(self.weights)
        count = max(1, min(256, len(chosen) // 64))
        labels = clusters(self.passage_teacher, count).numpy()
        self.members = [np.flatnonzero(labels == c) for c in range(count)]
        self.members = [rows for rows in self.members if len(rows) >= 32]
        self.shares = np.asarray([self.weights[rows].sum() for rows in self.members])
        self.shares /= self.shares.sum()

    def rows(self, step: int, size: int, topical: float) -> np.ndarray:
        """Pair numbers of one batch."""
        rng = np.random.default_rng((self.seed, step))
        if rng.random() >= topical or len(self.members) < 4:
            return np.searchsorted(self.cumulative, rng.random(size)).clip(
                max=len(self.weights) - 1
            )
        parts = []
        for c in rng.choice(len(self.members), size=4, replace=False, p=self.shares):
            share = self.weights[self.members[c]]
            amount = min(size // 4, len(share))
            parts.append(rng.choice(self.members[c], amount, replace=False, p=share / share.sum()))
        short = size - sum(map(len, parts))
        parts.append(rng.integers(0, len(self.weights), short))
        return np.concatenate(parts)

    def batch(self, step: int, size: int, topical: float = 0.5) -> Batch:
        """The batch of one step."""
        rows = self.rows(step, size, topical)
        index = torch.from_numpy(rows)
        query_ids, query_mask = pad([self.queries[r] for r in rows], self.query_length, self.pad_id)
        ids, mask = pad([self.passages[r] for r in rows], self.passage_length, self.pad_id)
        groups, texts = self.groups[index], self.texts[index]
        same = (groups[:, None] == groups) | (texts[:, None] == texts)
        same.fill_diagonal_(False)
        return Batch(
            query_ids,
            query_mask,
            ids,
            mask,
            self.query_teacher[index],
            self.passage_teacher[index],
            same,
        )
