"""Measures, one a file; those of rankings as trec_eval computes them."""

from llm_encoders.evaluation.measures import contrastive_entropy as _entropy
from llm_encoders.evaluation.measures.measure import Measure
from llm_encoders.evaluation.measures.ndcg import NDCG_10
from llm_encoders.evaluation.measures.recall import RECALL_50, RECALL_100, RECALL_1000
from llm_encoders.evaluation.measures.reciprocal_rank import MRR_10

__all__ = ["HIGHER_IS_BETTER", "RANKING_MEASURES", "TRADEOFF_MEASURES", "Measure"]

RANKING_MEASURES: tuple[Measure, ...] = (NDCG_10, MRR_10, RECALL_100)
"""Those of a ranking, for training and its reports."""
TRADEOFF_MEASURES: tuple[Measure, ...] = (NDCG_10, RECALL_50, RECALL_1000)
"""Those of a ranking by which query encoders of one index are compared (arXiv 2411.15766)."""
HIGHER_IS_BETTER: dict[str, bool] = {
    **{measure.name: measure.higher_is_better for measure in RANKING_MEASURES},
    _entropy.NAME: False,
}
"""Of every measure, by its name."""
