"""Masked next-token prediction: a causal language model learns to use bidirectional attention.

Some tokens are masked, and each is predicted from the state *before* it, which is where a causal
model has learnt to predict it (LLM2Vec, arXiv 2404.05961, section 2.2; masking as in BERT: of the
chosen tokens 80 % become the mask token, 10 % a random one, 10 % stay).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from llm_encoders.errors import UsageError
from llm_encoders.train.language_modelling import Prediction


def mask_tokens(
    token_ids: Sequence[int],
    generator: np.random.Generator,
    share: float,
    mask_id: int,
    vocabulary: int,
    special: frozenset[int],
) -> Prediction:
    """Choose tokens to predict and hide most of them.

    Args:
        token_ids: of one text.
        generator: draws.
        share: probability that a token is chosen.
        mask_id: what hides a token.
        vocabulary: number of token ids.
        special: ids that are never chosen.
    """
    ids = list(token_ids)
    targets = []
    chances = generator.random((len(ids), 2))
    for position in range(1, len(ids)):
        if ids[position] in special or chances[position, 0] >= share:
            continue
        targets.append((position, ids[position]))
        if chances[position, 1] < 0.8:
            ids[position] = mask_id
        elif chances[position, 1] < 0.9:
            ids[position] = int(generator.integers(vocabulary))
    return Prediction(ids, targets)


def mask_id_of(tokenizer: Any, token: str) -> int:
    """The id of the mask token.

    Raises:
        UsageError: the tokenizer makes several tokens of it, or none.
    """
    ids = tokenizer(token, add_special_tokens=False)["input_ids"]
    if len(ids) != 1:
        raise UsageError(
            f"mntp.mask_token '{token}' is {len(ids)} tokens for this tokenizer; name one that is "
            "a single token."
        )
    return int(ids[0])
