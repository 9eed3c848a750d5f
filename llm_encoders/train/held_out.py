"""Training queries that are held out of training, to choose the checkpoint by."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from llm_encoders.data.prepare import TrainingData
from llm_encoders.evaluation.collection import Collection
from llm_encoders.train.recipe.errors import RecipeError

NAME = "held-out"
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
        return self.table[int(self.rows[row])]


def hold_out(data: TrainingData, count: int, seed: int) -> tuple[TrainingData, Collection]:
    """Split training data into what is trained on and a collection to evaluate on.

    All rows of a held-out query's text leave the training data, and all their positives are
    relevant. The same seed holds out the same queries.

    Args:
        data: prepared queries and passages.
        count: queries to hold out.
        seed: of the draws.

    Raises:
        RecipeError: fewer than two different queries would be left to train on.
    """
    groups: dict[int, list[int]] = {}  # of rows whose query is the same
    for row in range(len(data.queries)):
        groups.setdefault(data.queries[row]["group"], []).append(row)
    if count > len(groups) - 2:
        raise RecipeError(
            "evaluation.held_out",
            f"evaluation.held_out is {count:,}, but there are only {len(groups):,} different "
            "training queries; lower it.",
        )
    generator = np.random.default_rng([seed, 3])
    names = list(groups)
    chosen = [groups[names[n]] for n in sorted(generator.choice(len(names), count, replace=False))]
    held = {row for rows in chosen for row in rows}
    kept = np.array([row for row in range(len(data.queries)) if row not in held], dtype=np.int64)
    collection = _collection(data, chosen, generator)
    rest = replace(data, queries=_Rows(data.queries, kept))  # type: ignore[arg-type]
    return rest, collection


def _collection(
    data: TrainingData, chosen: list[list[int]], generator: np.random.Generator
) -> Collection:
    queries, qrels = {}, {}
    own: set[int] = set()
    for number, rows in enumerate(chosen):
        records = [data.queries[row] for row in rows]
        positives = {passage for one in records for passage in one["positives"]}
        own |= positives | {passage for one in records for passage in one["negatives"]}
        queries[f"query-{number}"] = records[0]["query"]
        qrels[f"query-{number}"] = {str(passage): 1 for passage in positives}
    others = generator.choice(
        len(data.passages), min(_POOL, len(data.passages)), replace=False
    ).tolist()
    more = [row for row in others if row not in own][: max(0, _POOL - len(own))]
    pool = sorted([*own, *more])
    texts, titles = data.passages.texts(pool)
    return Collection(NAME, [str(row) for row in pool], titles, texts, queries, qrels)
