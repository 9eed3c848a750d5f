"""Distillation losses, one a file. A new one is a file here and a line in :data:`LOSSES`."""

from llm_encoders.distill_query.losses.contrastive import CONTRASTIVE
from llm_encoders.distill_query.losses.cosine import COSINE
from llm_encoders.distill_query.losses.log_mse import LOG_MSE
from llm_encoders.distill_query.losses.loss import Distilled, Loss, QueryCandidates
from llm_encoders.distill_query.losses.margin_mse import MARGIN_MSE
from llm_encoders.distill_query.losses.mse import MSE

LOSSES: dict[str, Loss] = {
    loss.name: loss for loss in (MSE, COSINE, LOG_MSE, MARGIN_MSE, CONTRASTIVE)
}
"""By name, in the order in which they are reported."""

__all__ = ["LOSSES", "Distilled", "Loss", "QueryCandidates"]
