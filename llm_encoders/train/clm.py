"""Next-token prediction that keeps the terms of a sparse causal encoder alive.

Logits of a causal language model are mostly negative, and relu takes their gradient away: sparse
fine-tuning can find all terms dead. CSPLADE (arXiv 2504.10816) therefore first trains on the sum
of two losses, the usual one and one whose softmax is over log1p(relu(logits)), without the scale
that an encode contract may put on the logits. No code was published with it; this follows the
formula.
"""

from collections.abc import Sequence

from torch import Tensor

from llm_encoders.train.language_modelling import Prediction, prediction_loss


def every_next_token(token_ids: Sequence[int]) -> Prediction:
    """A text in which every token but the first is predicted."""
    return Prediction(list(token_ids), list(enumerate(token_ids))[1:])


def clm_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the logits plus that of log1p(relu(logits)), summed over the targets.

    Args:
        logits: float32 [targets, vocabulary].
        targets: int64 [targets], the ids of the next tokens.
    """
    return prediction_loss(logits, targets) + prediction_loss(logits.relu().log1p(), targets)
