"""Contrastive entropy, which measures scores rather than a ranking."""

import numpy as np

NAME = "contrastive_entropy"
SPREAD = "contrastive_entropy_sd"
"""Its standard deviation over redraws of the negatives."""
NEGATIVES, REDRAWS = 256, 10
"""Random passages that a positive is compared with, and how often they are drawn, as in arXiv
2403.18684."""
SEED = 0
"""Of the draws, where nobody gives another one."""


def contrastive_entropy(positive: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """Contrastive entropy of (query, positive) pairs, arXiv 2403.18684, equation 4.

    -log(exp(s+) / (exp(s+) + sum of exp(s-))), with random passages as negatives; lower is better.

    Args:
        positive: [pairs], scores of the positives, divided by the temperature.
        negatives: [pairs, negatives], as well; -inf stands for none.

    Returns:
        float64 [pairs], in nats.
    """
    everything = np.concatenate([positive[:, None], negatives], axis=1).astype(np.float64)
    largest = everything.max(axis=1)
    total = np.exp(everything - largest[:, None]).sum(axis=1)
    entropy: np.ndarray = largest + np.log(total) - everything[:, 0]
    return entropy
