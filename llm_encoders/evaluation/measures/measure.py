"""What a measure of rankings is: a name and parameters, as data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Compute = Callable[[Sequence[str], Mapping[str, int], int], float]
"""Function of document ids (best first), grades by document, and a depth; gives the figure."""


@dataclass(frozen=True)
class Measure:
    """A measure of one query's ranking; its mean over queries is reported."""

    name: str
    """As logs, recipes and model cards write it, such as ``ndcg@10``."""
    depth: int
    """Ranks that are looked at."""
    compute: Compute
    higher_is_better: bool = True

    def __call__(self, ranking: Sequence[str], grades: Mapping[str, int]) -> float:
        """The figure of one query.

        Args:
            ranking: ids of documents, best first.
            grades: relevance grades by document; above 0 is relevant.
        """
        return self.compute(ranking, grades, self.depth)
