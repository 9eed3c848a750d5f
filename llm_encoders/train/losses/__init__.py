"""Ranking losses, one a file, as functions of scores."""

from llm_encoders.train.losses.contrastive import contrastive
from llm_encoders.train.losses.kl import kl
from llm_encoders.train.losses.margin_mse import margin_mse

__all__ = ["contrastive", "kl", "margin_mse"]
