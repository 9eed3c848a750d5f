"""Reciprocal rank."""

from collections.abc import Mapping, Sequence

from llm_encoders.evaluation.measures.measure import Measure


def reciprocal_rank(ranking: Sequence[str], grades: Mapping[str, int], depth: int = 10) -> float:
    """One over the rank of the first relevant document within ``depth``, else 0.

    trec_eval's ``recip_rank``, with ``depth`` as its ``-M``.
    """
    for place, docid in enumerate(ranking[:depth], start=1):
        if grades.get(docid, 0) > 0:
            return 1 / place
    return 0.0


MRR_10 = Measure("mrr@10", depth=10, compute=reciprocal_rank)
"""MS MARCO's measure."""
