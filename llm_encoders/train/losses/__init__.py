"""Ranking losses, one a file. A new one is a file here and a line in :data:`LOSSES`."""

from llm_encoders.train.losses.contrastive import CONTRASTIVE
from llm_encoders.train.losses.kl import KL
from llm_encoders.train.losses.loss import Loss, ScoredBatch
from llm_encoders.train.losses.margin_mse import MARGIN_MSE

LOSSES: dict[str, Loss] = {loss.name: loss for loss in (CONTRASTIVE, KL, MARGIN_MSE)}
"""By name, in the order in which they are reported."""

__all__ = ["LOSSES", "Loss", "ScoredBatch"]
