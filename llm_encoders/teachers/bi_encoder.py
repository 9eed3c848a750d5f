"""Bi-encoders as teachers: the inner product of a query's vector and a passage's."""

from abc import abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from llm_encoders.teachers.base import (
    Group,
    InMemory,
    Passage,
    RunBatches,
    Teacher,
    require_finite,
)

Row = tuple[np.ndarray, np.ndarray | None]


class BiEncoder(Teacher):
    """Encodes each passage of a window once, however many queries it belongs to."""

    window = 200_000
    batch_size: int

    @abstractmethod
    def encode_queries(self, queries: list[str]) -> Any:
        """Vectors of a batch, float32 [queries, width]: an array or a csr_array."""

    @abstractmethod
    def encode_passages(self, passages: list[Passage]) -> Any:
        """Vectors of a batch, as for queries."""

    def scores(self, groups: Sequence[Group], run: RunBatches | None = None) -> list[list[float]]:
        """See :class:`Teacher`."""
        distinct: dict[Hashable, Passage] = {
            passage.key: passage for _, passages in groups for passage in passages
        }
        if not distinct:
            return [[] for _ in groups]
        # Stable, and by nothing but the texts: batches are the same in every run.
        passages = sorted(distinct.values(), key=lambda passage: -len(passage.joined))
        places = {passage.key: place for place, passage in enumerate(passages)}
        asked = sorted({query for query, _ in groups}, key=lambda query: (-len(query), query))
        place_of_query = {query: place for place, query in enumerate(asked)}

        def passage_batch(batch: slice) -> Any:
            vectors = self.encode_passages(passages[batch])
            _require_finite(vectors, [("", passage) for passage in passages[batch]])
            return vectors

        def query_batch(batch: slice) -> Any:
            vectors = self.encode_queries(asked[batch])
            _require_finite(vectors, [(query, None) for query in asked[batch]])
            return vectors

        left = self._run(run, "queries", len(asked), query_batch)
        right = self._run(run, "passages", len(passages), passage_batch)
        return [
            [
                inner_product(left.row(place_of_query[query]), right.row(places[passage.key]))
                for passage in members
            ]
            for query, members in groups
        ]

    def _run(
        self, run: RunBatches | None, what: str, count: int, compute: Callable[[slice], Any]
    ) -> Any:
        return (run or InMemory())(what, count, self.batch_size, compute)


def inner_product(one: Row, other: Row) -> float:
    """Inner product of two rows, dense or sparse with sorted columns, summed in float32."""
    (values, columns), (others, other_columns) = one, other
    if columns is None or other_columns is None:
        return float(values @ others)
    _, mine, theirs = np.intersect1d(
        columns, other_columns, assume_unique=True, return_indices=True
    )
    return float(values[mine] @ others[theirs])


def _require_finite(vectors: Any, texts: list[tuple[str, Passage | None]]) -> None:
    """Refuse a batch with NaN or infinite numbers; names the text."""
    if np.isfinite(vectors if isinstance(vectors, np.ndarray) else vectors.data).all():
        return
    for row, (query, passage) in enumerate(texts):
        require_finite(np.asarray(vectors[[row]].sum()), query, passage)
