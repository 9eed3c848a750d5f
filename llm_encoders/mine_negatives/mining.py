"""How negatives are chosen from a ranking."""

import math
from dataclasses import dataclass
from pathlib import Path

from llm_encoders.errors import UsageError
from llm_encoders.mine_negatives.options import SAMPLINGS
from llm_encoders.mine_negatives.ranking import BM25


@dataclass(frozen=True)
class Mining:
    """How negatives are chosen from a ranking."""

    method: str = BM25
    """``bm25`` or an encoder."""
    index: str | None = None
    """An index of the corpus for ``bm25``."""
    depth: int = 200
    """Ranks that are looked at."""
    skip: int = 0
    """First ranks left out, where unjudged passages are often relevant."""
    negatives: int = 30
    """Negatives a query."""
    sampling: str = "random"
    """``random`` among the ranks, or their ``top``."""
    margin: float = 0.0
    """With a teacher: a passage is a false negative, and left out, if its score exceeds the best
    positive's less this margin (the positive-aware mining of arXiv 2407.15831)."""
    seed: int = 42

    def __post_init__(self) -> None:
        if self.sampling not in SAMPLINGS:
            raise UsageError(
                f"Unknown sampling '{self.sampling}'; choose one of {', '.join(SAMPLINGS)}."
            )
        if not 0 <= self.skip < self.depth:
            raise UsageError(f"skip is {self.skip}, depth {self.depth}; skip must be less.")
        if self.negatives < 1:
            raise UsageError(f"negatives is {self.negatives}; give at least 1.")
        if not math.isfinite(self.margin):
            raise UsageError(f"margin is {self.margin}; give a finite number.")
        if self.index is not None and not Path(self.index).is_dir():
            raise UsageError(f"There is no index '{self.index}'.")
