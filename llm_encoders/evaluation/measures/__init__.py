"""Measures, one a file; those of rankings as trec_eval computes them."""

from llm_encoders.evaluation.measures import contrastive_entropy as _entropy
from llm_encoders.evaluation.measures.measure import Measure
from llm_encoders.evaluation.measures.ndcg import NDCG_10
from llm_encoders.evaluation.measures.recall import RECALL_100
from llm_encoders.evaluation.measures.reciprocal_rank import MRR_10

__all__ = ["HIGHER_IS_BETTER", "RANKING_MEASURES", "Measure"]

RANKING_MEASURES: tuple[Measure, ...] = (NDCG_10, MRR_10, RECALL_100)
"""Those of a ranking."""
HIGHER_IS_BETTER: dict[str, bool] = {
    **{measure.name: measure.higher_is_better for measure in RANKING_MEASURES},
    _entropy.NAME: False,
}
"""Of every measure, by its name."""
