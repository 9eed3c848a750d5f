"""Measures, one a file; those of rankings as trec_eval computes them."""

from llm_encoders.evaluation.measures import contrastive_entropy as _entropy
from llm_encoders.evaluation.measures.measure import Measure
from llm_encoders.evaluation.measures.ndcg import NDCG_10
from llm_encoders.evaluation.measures.recall import RECALL_100
from llm_encoders.evaluation.measures.reciprocal_rank import MRR_10

__all__ = ["DESCRIPTIONS", "RANKING_MEASURES", "Measure"]

RANKING_MEASURES: tuple[Measure, ...] = (NDCG_10, MRR_10, RECALL_100)
"""Those of a ranking."""
DESCRIPTIONS: dict[str, str] = {
    **{measure.name: measure.description for measure in RANKING_MEASURES},
    _entropy.NAME: _entropy.DESCRIPTION,
}
"""Every measure by its name."""
