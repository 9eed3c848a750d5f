"""The name by which evaluation was imported before it had a room of its own."""

from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.evaluate import evaluate

__all__ = ["Collection", "evaluate"]
