"""Random negatives of query–positive pairs: a function of the pairs and a seed alone."""

import numpy as np

from llm_encoders.evaluation.pairs import Pairs


def available(pairs: Pairs) -> np.ndarray:
    """How many documents can be negatives of each pair: int64 [pairs]."""
    counts = np.array([pairs.documents - len(one) for one in pairs.excluded], dtype=np.int64)
    found: np.ndarray = counts[pairs.query]
    return found


def draw_negatives(pairs: Pairs, negatives: int, redraws: int, seed: int) -> np.ndarray:
    """Draw negatives for every pair, without replacement, anew for every redraw.

    Args:
        pairs: what negatives are drawn for.
        negatives: of a pair; all there are, where there are fewer.
        redraws: how often.
        seed: the same gives the same negatives.

    Returns:
        int32 [redraws, pairs, at most ``negatives``]: numbers of documents; -1 for none.
    """
    there = available(pairs)
    width = min(negatives, int(there.max(initial=0)))
    drawn = np.full((redraws, len(there), width), -1, dtype=np.int32)
    # A number among the documents that are left becomes that of the document: it is raised by one
    # for each excluded document before it.
    before = [one - np.arange(len(one)) for one in pairs.excluded]
    for redraw in range(redraws):
        generator = np.random.default_rng([seed, 5, redraw])
        for pair, count in enumerate(there.tolist()):
            taken = generator.choice(count, min(width, count), replace=False, shuffle=False)
            skipped = before[pairs.query[pair]].searchsorted(taken, side="right")
            drawn[redraw, pair, : len(taken)] = taken + skipped
    return drawn
