"""Training queries that are held out of training, to choose the checkpoint by."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from llm_encoders.data.prepare import TrainingData
from llm_encoders.evaluation.collection import Collection
from llm_encoders.train.recipe.errors import RecipeError
from llm_encoders.train.recipe.sections import HELD_OUT

_POOL = 20_000
"""Passages that held-out queries are searched in: their own, and others drawn at random."""


@dataclass(frozen=True)
class _Rows:
    """Some rows of a table, as a table."""

    table: Any
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> dict[str, Any]:
        found: dict[str, Any] = self.table[int(self.rows[row])]
        return found

    def column(self, name: str) -> np.ndarray:
        """As of the table."""
        found: np.ndarray = self.table.column(name)[self.rows]
        return found

    def lists(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """As of the table; rows ascend."""
        entries, lengths = self.table.lists(name)
        kept = np.isin(np.repeat(np.arange(len(lengths)), lengths), self.rows)
        return entries[kept], lengths[self.rows]


def hold_out(data: TrainingData, count: int, seed: int) -> tuple[TrainingData, Collection]:
    """Split training data into what is trained on and a collection to evaluate on.

    All records of a held-out query leave the training data, and all their positives are relevant.
    The same seed holds out the same queries.

    Args:
        data: prepared queries and passages.
        count: queries to hold out.
        seed: of the draws.

    Raises:
        RecipeError: fewer than two different queries would be left to train on.
    """
    groups = data.queries.column("group")
    known = np.unique(groups)
    if count > len(known) - 2:
        raise RecipeError(
            "evaluation.held_out",
            f"evaluation.held_out is {count:,}, but there are only {len(known):,} different "
            "training queries; lower it.",
        )
    generator = np.random.default_rng([seed, 3])
    chosen = np.sort(generator.choice(known, count, replace=False))
    held = np.isin(groups, chosen)
    records = [[data.queries[int(row)] for row in np.flatnonzero(groups == one)] for one in chosen]
    kept: Any = _Rows(data.queries, np.flatnonzero(~held))
    return replace(data, queries=kept), _collection(data, records, generator)


def _collection(
    data: TrainingData, queries: list[list[dict[str, Any]]], generator: np.random.Generator
) -> Collection:
    texts, qrels = {}, {}
    own: set[int] = set()
    for number, records in enumerate(queries):
        positives = {passage for one in records for passage in one["positives"]}
        own |= positives | {passage for one in records for passage in one["negatives"]}
        name = _name(data, records[0], number)
        texts[name] = records[0]["query"]
        qrels[name] = {str(passage): 1 for passage in positives}
    drawn = generator.choice(len(data.passages), min(_POOL, len(data.passages)), replace=False)
    others = [row for row in drawn.tolist() if row not in own][: max(0, _POOL - len(own))]
    pool = sorted([*own, *others])
    passages, titles = data.passages.texts(pool)
    return Collection(HELD_OUT, [str(row) for row in pool], titles, passages, texts, qrels)


def _name(data: TrainingData, record: dict[str, Any], number: int) -> str:
    """The name of a query: that of the passage that it is, which rankings leave out, if any."""
    own = data.itself(record)
    return f"query-{number}" if own is None else str(own)
