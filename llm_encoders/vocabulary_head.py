"""The sparse head log1p(relu(max over tokens of logits)), never [batch, length, vocabulary].

log1p and relu are monotone, so they commute with the maximum and are applied once to the
[batch, vocabulary] result. Only real tokens are multiplied (packed, without padding), a slice of
the vocabulary at a time, so that the largest temporary is [tokens, VOCABULARY_CHUNK].
"""

import torch
from torch import Tensor

# 2,048 columns of float32 logits for a CPU batch of 2,048 tokens are 16 MiB, for a GPU batch of
# 16,384 tokens 128 MiB: large enough for the matrix product to run near its peak, small beside
# the [tokens, vocabulary] that is avoided.
VOCABULARY_CHUNK = 2048


def max_logits(states: Tensor, mask: Tensor, weight: Tensor, scale: float = 1.0) -> Tensor:
    """Maximum over each text's pooled tokens of ``states @ weight.T * scale``.

    Args:
        states: [batch, length, hidden], the backbone's last hidden states.
        mask: bool [batch, length], true where a token is pooled.
        weight: [vocabulary, hidden], the LM head; it has no bias.
        scale: positive factor on the logits.

    Returns:
        float32 [batch, vocabulary]; a text without pooled tokens has -inf everywhere.
    """
    packed = states[mask]  # [tokens, hidden]
    counts = mask.sum(1).tolist()
    maxima = torch.full(
        (len(states), len(weight)), -torch.inf, dtype=torch.float32, device=states.device
    )
    for start in range(0, len(weight), VOCABULARY_CHUNK):
        stop = start + VOCABULARY_CHUNK
        logits = packed @ weight[start:stop].T  # [tokens, hidden] @ [hidden, chunk]
        for row, text_logits in enumerate(logits.split(counts)):
            if counts[row]:
                maxima[row, start:stop] = text_logits.amax(0)
    return maxima * scale


def term_weights(states: Tensor, mask: Tensor, weight: Tensor, scale: float = 1.0) -> Tensor:
    """SPLADE term weights log1p(relu(max logits)); shapes as in :func:`max_logits`.

    The order max, then log1p(relu) is that of arXiv 2502.15526; it equals the original SPLADE-max
    (arXiv 2109.10086) because log1p(relu) is monotone.
    """
    return max_logits(states, mask, weight, scale).relu_().log1p_()
