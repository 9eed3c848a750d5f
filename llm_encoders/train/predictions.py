"""What an adaptation stage predicts of a text, and how that is scored."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn.functional import cross_entropy


@dataclass(frozen=True)
class Prediction:
    """A text, and the tokens of it that are to be predicted."""

    token_ids: list[int]
    targets: list[tuple[int, int]]
    """(position, token id) of every token to predict; never the first position."""


Choose = Callable[[list[int], np.random.Generator], Prediction]
"""From a text's token ids and a generator for draws to what is to be predicted of it."""

TokenLoss = Callable[[Tensor, Tensor], Tensor]
"""Of logits float32 [targets, vocabulary] and targets int64 [targets]; a sum."""


def prediction_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy, summed over the targets."""
    return cross_entropy(logits, targets, reduction="sum")
