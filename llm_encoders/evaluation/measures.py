"""Ranking metrics as trec_eval computes them, and contrastive entropy."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def ranked(scores: Mapping[str, float]) -> list[str]:
    """Document ids by falling score; equal scores by falling id, as trec_eval orders them."""
    return [docid for docid, _ in sorted(scores.items(), key=lambda p: (p[1], p[0]), reverse=True)]


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], depth: int = 10) -> float:
    """nDCG with the grade as gain, trec_eval's ``ndcg_cut``."""
    gains = [max(0, grades.get(docid, 0)) for docid in ranking[:depth]]
    ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)[:depth]
    best = _discounted(ideal)
    return _discounted(gains) / best if best else 0.0


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))


def reciprocal_rank(ranking: Sequence[str], grades: Mapping[str, int], depth: int = 10) -> float:
    """One over the rank of the first relevant document within ``depth``, else 0."""
    for place, docid in enumerate(ranking[:depth], start=1):
        if grades.get(docid, 0) > 0:
            return 1 / place
    return 0.0


def recall(ranking: Sequence[str], grades: Mapping[str, int], depth: int = 100) -> float:
    """Share of the relevant documents within ``depth``."""
    relevant = {docid for docid, grade in grades.items() if grade > 0}
    return len(relevant.intersection(ranking[:depth])) / len(relevant) if relevant else 0.0


def contrastive_entropy(positive: Tensor, negatives: Tensor) -> Tensor:
    """Contrastive entropy of (query, positive) pairs, arXiv 2403.18684, equation 4.

    -log(exp(s+) / (exp(s+) + sum of exp(s-))) with 256 random passages as negatives.

    Args:
        positive: float32 [pairs], scores of the positives.
        negatives: float32 [pairs, negatives].

    Returns:
        float32 [pairs], in nats.
    """
    everything = torch.cat([positive[:, None], negatives], dim=1)
    return everything.logsumexp(1) - positive
