"""Normalised discounted cumulative gain."""

import math
from collections.abc import Mapping, Sequence

from llm_encoders.evaluation.measures.measure import Measure


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], depth: int = 10) -> float:
    """nDCG with the grade as gain: DCG = Σ grade / log2(rank + 1), over the best that is possible.

    Järvelin and Kekäläinen, TOIS 2002, in the form of trec_eval's ``ndcg_cut``.
    """
    gains = [max(0, grades.get(docid, 0)) for docid in ranking[:depth]]
    ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)[:depth]
    best = _discounted(ideal)
    return _discounted(gains) / best if best else 0.0


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))


NDCG_10 = Measure("ndcg@10", depth=10, compute=ndcg)
