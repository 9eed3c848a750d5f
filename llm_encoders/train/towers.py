"""Untied dual towers: queries and passages by two models that begin as the same one.

Both come from one language model, as in the first stage of ScalingNote (arXiv 2411.15766). Weights
that are not trained exist once: two adapters share one backbone, and two towers of which all
weights are trained share nothing.
"""

import copy
from typing import Any

from torch import Tensor, nn

from llm_encoders.checkpoints.backbone import Backbone
from llm_encoders.config import EncoderConfig
from llm_encoders.encoding.towers import DenseTowers, SparseTowers
from llm_encoders.train.model import RetrievalModel

QUERY_FOLDER = "query"
"""Folder of the query tower inside that of the finished encoder."""


class TwoTowers(nn.Module):
    """A query and a passage tower; both are :class:`RetrievalModel`.

    What is asked of it as of one model, such as its shape or its contract, is the passage tower's.

    Args:
        passage: the passage tower. The query tower begins as a copy of it.
    """

    def __init__(self, passage: RetrievalModel) -> None:
        super().__init__()
        self.passage = passage
        self.query = _twin(passage)

    @property
    def towers(self) -> dict[str, RetrievalModel]:
        """Both, by their folder in the finished encoder's."""
        return {"": self.passage, QUERY_FOLDER: self.query}

    @property
    def contract(self) -> EncoderConfig:
        """How texts are encoded, the same on both sides."""
        return self.passage.contract

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of both sides."""
        return self.passage.tokenizer

    def backbone(self) -> Backbone:
        """Decoder and head of the passage tower."""
        return self.passage.backbone()

    def encoder(self, name: str) -> SparseTowers | DenseTowers:
        """An encoder over the present weights, for evaluation while training."""
        backbone = self.passage.encoder(name).backbone
        found: Any = (
            DenseTowers(name, self.contract, backbone)
            if backbone.head is None
            else SparseTowers(name, self.contract, backbone)
        )
        found.add_queries(self.query.encoder(name))
        both: SparseTowers | DenseTowers = found
        return both

    def activation_checkpointing_enable(self, **options: Any) -> None:
        """Recompute activations in the backward pass; the Transformers trainer calls this."""
        for tower in self.towers.values():
            tower.activation_checkpointing_enable(**options)

    gradient_checkpointing_enable = activation_checkpointing_enable  # before Transformers 5.23

    def forward(
        self,
        token_ids: Tensor,
        attention_mask: Tensor,
        unpooled: Tensor | None = None,
        side: str = "passage",
    ) -> Tensor:
        """Represent a padded batch of one side.

        Args:
            token_ids, attention_mask, unpooled: as for :class:`RetrievalModel`.
            side: ``"query"`` or ``"passage"``.

        Returns:
            float32 [batch, vocabulary] or [batch, hidden].
        """
        tower = self.query if side == "query" else self.passage
        vectors: Tensor = tower(token_ids, attention_mask, unpooled)
        return vectors


def _twin(model: RetrievalModel) -> RetrievalModel:
    """A copy whose frozen weights, and tokenizer, are those of the original."""
    shared: list[Any] = [one for one in model.parameters() if not one.requires_grad]
    shared.append(model.tokenizer)
    return copy.deepcopy(model, {id(one): one for one in shared})
