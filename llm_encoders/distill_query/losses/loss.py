"""What a distillation loss is, and what it sees of a batch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class QueryCandidates:
    """Mined passages of a batch's queries: the positive of each first, then its negatives.

    Passages of all queries stand one after another; their vectors are given as entries, of which
    a dense vector has all and a sparse one those that are not zero.
    """

    owner: Tensor
    """int64 [passages], the query's row in the batch."""
    slot: Tensor
    """int64 [passages], the passage's place among those of its query, from 0."""
    passage: Tensor
    """int64 [entries], the passage that an entry belongs to."""
    column: Tensor
    """int64 [entries], its component or term."""
    value: Tensor
    """float32 [entries]."""
    scores: Tensor
    """float32 [queries, n], of the file that lists the candidates."""
    valid: Tensor
    """bool [queries, n], false where a query has fewer than n passages."""
    excluded: Tensor
    """bool [queries, passages], true where a passage is relevant to a query in any record, or has
    the text of such a passage, or of the query."""

    def to(self, device: torch.device) -> "QueryCandidates":
        """The same on another device."""
        return QueryCandidates(**{name: one.to(device) for name, one in vars(self).items()})

    def scored_by(self, queries: Tensor) -> Tensor:
        """Inner products of queries with their own passages; differentiable.

        Args:
            queries: float32 [queries, width].

        Returns:
            float32 [queries, n]; 0 where a query has fewer passages.
        """
        products = queries[self.owner[self.passage], self.column] * self.value
        scores = queries.new_zeros(len(self.owner)).index_add(0, self.passage, products)
        return queries.new_zeros(self.valid.shape).index_put((self.owner, self.slot), scores)

    def scored_by_all(self, queries: Tensor) -> Tensor:
        """Inner products of all queries with all passages; differentiable.

        Args:
            queries: float32 [queries, width].

        Returns:
            float32 [queries, passages].
        """
        shape = (len(self.owner), queries.shape[1])
        entries = torch.stack([self.passage, self.column])
        passages = torch.sparse_coo_tensor(  # [passages, width]
            entries, self.value, shape, check_invariants=False
        )
        scores: Tensor = torch.sparse.mm(passages, queries.T).T
        return scores

    @property
    def positive(self) -> Tensor:
        """int64 [queries]: the passage that is each query's positive, -1 for none."""
        first = self.slot == 0
        found = torch.full((len(self.valid),), -1, device=self.owner.device)
        found[self.owner[first]] = first.nonzero()[:, 0]
        return found


@dataclass(frozen=True)
class Distilled:
    """A batch of queries as student and teacher represent them."""

    student: Tensor
    """float32 [queries, dimension or vocabulary]."""
    teacher: Tensor
    """float32 of the same shape."""
    candidates: QueryCandidates | None = None
    temperature: float = 1.0
    """Divisor of scores, for losses over scores of a whole batch."""


@dataclass(frozen=True)
class Loss:
    """A distillation loss. Its name is its key in the section ``losses`` of a recipe."""

    name: str
    title: str
    """As a model card names it."""
    equation: str
    """Of one query, where s is the student's vector and t the teacher's."""
    citation: str
    paradigms: tuple[str, ...]
    """What kinds of encoders it is for."""
    needs_candidates: bool
    """Whether queries must have mined passages."""
    needs_scores: bool
    """Whether these passages must have scores to imitate."""
    of: Callable[[Distilled], Tensor]
    """Float32 [items]: a value a query, or a value a pair of passages; the loss is their mean."""


def mean(values: Tensor) -> Tensor:
    """The mean over items, a scalar; 0 without any."""
    return values.sum() / max(1, len(values))
