"""Training compute: floating-point operations of a step, and how many steps a budget buys.

Counted are the operations that the mathematics needs: forward, gradients of activations, gradients
of the trained weights, attention, vocabulary head and scores. Passes repeated to save memory
(gradient caching, checkpointing) are not, so that a budget does not depend on the machine.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

_ATTENTION_FORWARD = 4  # QKᵀ and AV, each a product of 2 operations a number


@dataclass(frozen=True)
class ModelShape:
    """What the count of operations needs to know of a model."""

    frozen: int
    """Entries of the linear layers' weights that are not trained."""
    trained: int
    """Entries of those that are, LoRA's included."""
    layers: int
    attention_width: int
    """Heads times their dimension."""
    causal: bool
    head: int
    """Entries of the vocabulary head; 0 for dense."""
    head_trained: bool
    vector: int
    """Width of a representation."""

    @classmethod
    def of(cls, model: Any) -> "ModelShape":
        """The shape of a :class:`llm_encoders.train.model.RetrievalModel`."""
        backbone = model.backbone()
        frozen = trained = 0
        for module in backbone.decoder.modules():
            weight = getattr(module, "weight", None)
            if isinstance(module, nn.Linear) and weight is not None:
                size = module.in_features * module.out_features  # quantised ones are packed
                if weight.requires_grad:
                    trained += size
                else:
                    frozen += size
        config = backbone.decoder.config
        heads = config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // heads
        head = backbone.head
        return cls(
            frozen=frozen,
            trained=trained,
            layers=config.num_hidden_layers,
            attention_width=heads * width,
            causal=model.contract.attention == "causal",
            head=0 if head is None else head.numel(),
            head_trained=head is not None and head.requires_grad,
            vector=config.hidden_size if head is None else len(head),
        )

    def text(self, tokens: int, headed: int | None = None) -> float:
        """Operations of forward and backward for one text.

        Args:
            tokens: of the text.
            headed: tokens whose logits are computed, with a full backward pass; ``None`` for the
                sparse head, which reads all and whose backward pass touches only the terms a text
                has: less than a hundredth of its forward pass, left out.
        """
        weights = self.frozen + self.trained
        linear = 2 * weights + 2 * weights + 2 * self.trained  # forward, activations, weights
        pairs = tokens * (tokens + 1) / 2 if self.causal else tokens * tokens
        attention = 3 * _ATTENTION_FORWARD * pairs * self.attention_width * self.layers
        if headed is None:
            head = tokens * 2 * self.head
        else:
            head = headed * 2 * self.head * (3 if self.head_trained else 2)
        return tokens * linear + head + attention

    def scores(self, queries: int, passages: int) -> float:
        """Operations of the scores of all queries and passages, and of their gradients."""
        return 3 * 2.0 * queries * passages * self.vector

    def step(self, lengths: Iterable[int], queries: int, passages: int) -> float:
        """Operations of a batch.

        Args:
            lengths: tokens of every text of this process.
            queries, passages: of the whole batch.
        """
        return sum(self.text(length) for length in lengths) + self.scores(queries, passages)
