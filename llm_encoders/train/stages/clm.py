"""Next-token prediction that keeps the terms of a sparse causal encoder alive.

Logits of a causal language model are mostly negative, and relu takes their gradient away: sparse
fine-tuning can find all terms dead. CSPLADE (arXiv 2504.10816) therefore first trains on the sum
of two losses, the usual one and one whose softmax is over log1p(relu(logits)), without the scale
that an encode contract may put on the logits. No code was published with it; this follows the
formula.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from llm_encoders.config import EncoderConfig
from llm_encoders.train.predictions import Choose, Prediction, TokenLoss, prediction_loss
from llm_encoders.train.recipe.options import LONGEST, option
from llm_encoders.train.stages.adaptation import AdaptationStage

if TYPE_CHECKING:
    from llm_encoders.train.recipe.recipe import Recipe


@dataclass(frozen=True)
class ClmSection:
    """Next-token prediction that keeps the terms of a causal backbone alive (arXiv 2504.10816)."""

    max_length: int = option(
        512,
        "Tokens of a passage. All their logits are held twice: if the vocabulary is large, lower "
        "schedule.chunk_tokens.",
        least=2,
        most=LONGEST,
    )


def every_next_token(
    token_ids: Sequence[int], generator: np.random.Generator | None = None
) -> Prediction:
    """A text in which every token but the first is predicted; nothing is drawn."""
    return Prediction(list(token_ids), list(enumerate(token_ids))[1:])


def clm_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the logits plus that of log1p(relu(logits)), summed over the targets.

    Args:
        logits: float32 [targets, vocabulary].
        targets: int64 [targets], the ids of the next tokens.
    """
    return prediction_loss(logits, targets) + prediction_loss(logits.relu().log1p(), targets)


class _Clm(AdaptationStage):
    name = "clm"
    citation = "*CSPLADE* (arXiv 2504.10816)"
    section = ClmSection

    def contract(self, recipe: "Recipe") -> EncoderConfig:
        """Causal attention; sparse, for it needs the LM head."""
        return EncoderConfig("sparse", attention="causal", passage_max_length=recipe.clm.max_length)

    def objective(self, recipe: "Recipe") -> str:
        """See :class:`Stage`."""
        return "next-token prediction from the logits and from log1p(relu(logits))"

    def purpose(self, recipe: "Recipe") -> str:
        """See :class:`Stage`."""
        return (
            "A causal language model whose terms do not die; a starting point for sparse encoders."
        )

    def choice(self, recipe: "Recipe", model: Any) -> Choose:
        """Every token but the first."""
        return every_next_token

    def loss(self) -> TokenLoss:
        """Cross-entropy of the logits, and of log1p(relu(logits))."""
        return clm_loss


CLM = _Clm()
