"""Contrastive entropy of an encoder on query–positive pairs, as their documents pass by in blocks.

For every pair, random negatives are drawn from the documents, never a known positive; the mean over
pairs is computed for each of several redraws (arXiv 2403.18684).
"""

from dataclasses import dataclass

import numpy as np

from llm_encoders.evaluation.exhaustive_search import Vectors
from llm_encoders.evaluation.measures.contrastive_entropy import (
    NEGATIVES,
    REDRAWS,
    SEED,
    contrastive_entropy,
)
from llm_encoders.evaluation.pair_scores import pair_scores
from llm_encoders.evaluation.pairs import Pairs
from llm_encoders.evaluation.random_negatives import available, draw_negatives


@dataclass(frozen=True)
class Entropy:
    """Contrastive entropy, in nats."""

    values: list[float]
    """One a redraw of the negatives, each the mean over pairs."""

    @property
    def mean(self) -> float:
        """Over redraws."""
        return float(np.mean(self.values))

    @property
    def spread(self) -> float | None:
        """The standard deviation over redraws (divisor n - 1); ``None`` of a single one."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else None


class Sample:
    """The pairs with their negatives: which documents must be scored for which query.

    It takes 20 kB a pair, with 10 redraws of 256 negatives, and their scores as much.

    Args:
        pairs: what is measured.
        negatives: of a pair, at most; a query with fewer other documents has all of them.
        redraws: how often they are drawn.
        seed: of the draws.
    """

    def __init__(
        self,
        pairs: Pairs,
        negatives: int = NEGATIVES,
        redraws: int = REDRAWS,
        seed: int = SEED,
    ) -> None:
        self.pairs = pairs
        self.available = np.minimum(available(pairs), negatives)
        """int64 [pairs]: how many negatives each pair has; those without any are left out."""
        drawn = draw_negatives(pairs, negatives, redraws, seed)
        self.shape: tuple[int, int, int] = drawn.shape
        """Redraws, pairs, negatives."""
        wanted = np.concatenate([pairs.positive.astype(np.int32), drawn.reshape(-1)])
        order = np.argsort(wanted, kind="stable")[np.count_nonzero(wanted < 0) :]
        self.places = order.astype(np.int32) if len(wanted) < 2**31 else order
        """Places among the positives and then all negatives, by rising number of document."""
        self.documents = wanted[order]
        """int32: the number of the document that stands at each of these places."""

    @property
    def pairs_measured(self) -> int:
        """Pairs that have negatives."""
        return int(np.count_nonzero(self.available))

    @property
    def needed(self) -> np.ndarray:
        """Numbers of the documents that must be scored, int64, ascending."""
        return np.unique(self.documents).astype(np.int64)


class Meter:
    """Takes the vectors of documents, block by block, and gives the entropy.

    Args:
        sample: what is measured.
        queries: vectors of its queries, float32.
        temperature: divisor of scores.
    """

    def __init__(self, sample: Sample, queries: Vectors, temperature: float) -> None:
        self._sample, self._queries, self._temperature = sample, queries, temperature
        self.scores = np.zeros(len(sample.pairs.positive) + int(np.prod(sample.shape)))
        """float64: of the positives, then of all negatives; 0 where the block is yet to come."""

    def take(self, vectors: Vectors, documents: np.ndarray) -> None:
        """Score a block.

        Args:
            vectors: float32 [documents, dimension or vocabulary].
            documents: int64, ascending: their numbers. Whatever is needed between the first and
                the last is among them.
        """
        sample = self._sample
        begin = sample.documents.searchsorted(documents[0])
        end = sample.documents.searchsorted(documents[-1], side="right")
        if begin == end:
            return
        places = sample.places[begin:end]
        pairs = np.where(
            places < sample.shape[1],
            places,
            (places - sample.shape[1]) // max(1, sample.shape[2]) % sample.shape[1],
        )
        columns = documents.searchsorted(sample.documents[begin:end])
        found = pair_scores(self._queries, vectors, sample.pairs.query[pairs], columns)
        self.scores[places] = found / self._temperature

    def entropy(self) -> Entropy | None:
        """The entropy over all pairs that have negatives, once all blocks are taken.

        Returns:
            ``None`` where no pair has any; its entropy would be 0, the best value.
        """
        redraws, pairs, width = self._sample.shape
        kept = np.flatnonzero(self._sample.available)
        if not len(kept):
            return None
        positive = self.scores[:pairs]
        drawn = self.scores[pairs:].reshape(redraws, pairs, width)
        none = np.arange(width) >= self._sample.available[:, None]
        values = []
        for one in drawn:
            negatives = np.where(none, -np.inf, one)
            values.append(float(contrastive_entropy(positive[kept], negatives[kept]).mean()))
        return Entropy(values)
