"""Reciprocal rank."""

from collections.abc import Mapping, Sequence

from llm_encoders.evaluation.measures.measure import Measure


def reciprocal_rank(ranking: Sequence[str], grades: Mapping[str, int], depth: int = 10) -> float:
    """One over the rank of the first relevant document within ``depth``, else 0."""
    for place, docid in enumerate(ranking[:depth], start=1):
        if grades.get(docid, 0) > 0:
            return 1 / place
    return 0.0


MRR_10 = Measure(
    name="mrr@10",
    depth=10,
    description="One over the rank of the first relevant document, 0 if it is not in the first "
    "ten; MS MARCO's measure.",
    equivalent="recip_rank with -M 10",
    compute=reciprocal_rank,
)
