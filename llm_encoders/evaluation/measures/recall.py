"""Recall."""

from collections.abc import Mapping, Sequence

from llm_encoders.evaluation.measures.measure import Measure


def recall(ranking: Sequence[str], grades: Mapping[str, int], depth: int = 100) -> float:
    """Share of the relevant documents within ``depth``; trec_eval's ``recall``."""
    relevant = {docid for docid, grade in grades.items() if grade > 0}
    return len(relevant.intersection(ranking[:depth])) / len(relevant) if relevant else 0.0


RECALL_50 = Measure("recall@50", depth=50, compute=recall)
RECALL_100 = Measure("recall@100", depth=100, compute=recall)
RECALL_1000 = Measure("recall@1000", depth=1000, compute=recall)
