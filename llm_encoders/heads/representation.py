"""From a batch's hidden states to what represents each text; encoding and training share it."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch.nn.functional import normalize

from llm_encoders.config import EncoderConfig
from llm_encoders.heads.pooling import pool
from llm_encoders.heads.vocabulary_head import term_weights


def pooled_tokens(
    token_ids: Tensor,
    attention_mask: Tensor,
    config: EncoderConfig,
    tokenizer: Any,
    unpooled: Tensor | None = None,
) -> Tensor:
    """Which tokens take part in pooling.

    Args:
        token_ids: int64 [batch, length].
        attention_mask: [batch, length], 1 for real tokens, padding on either side.
        config: says whether BOS and EOS are pooled.
        tokenizer: knows their ids.
        unpooled: int64 [batch], how many tokens at the beginning of each text take no part.

    Returns:
        bool [batch, length].
    """
    place = attention_mask.cumsum(1)  # 1 at the first real token of a text
    pooled = attention_mask.bool()
    if unpooled is not None:
        pooled = pooled & (place > unpooled.unsqueeze(1))
    if not config.pool_bos:
        pooled = pooled & ~((place == 1) & (token_ids == tokenizer.bos_token_id))
    if not config.pool_eos:
        last = place == attention_mask.sum(1, keepdim=True)
        pooled = pooled & ~(last & (token_ids == tokenizer.eos_token_id))
    return pooled


def represent(
    states: Tensor,
    pooled: Tensor,
    config: EncoderConfig,
    head: Tensor | None,
    projections: Sequence[Callable[[Tensor], Tensor]] = (),
    bias: Tensor | None = None,
) -> Tensor:
    """One vector a text: term weights (sparse) or the pooled state (dense); differentiable.

    Args:
        states: [batch, length, hidden], last hidden states.
        pooled: bool [batch, length], see :func:`pooled_tokens`.
        config: the contract.
        head: [vocabulary, hidden], the weight of the LM head or of a
            :class:`~llm_encoders.heads.term_head.TermHead`; sparse only.
        projections: layers that follow the pooling; dense only.
        bias: [vocabulary], of the head; sparse only.

    Returns:
        float32 [batch, vocabulary] or [batch, dimension].
    """
    if config.paradigm == "sparse":
        assert head is not None
        scale = config.scale_of_logits(states.shape[-1])
        return term_weights(states, pooled, head, scale, bias=bias)
    vectors = pool(config.pooling, states.float(), pooled)
    for projection in projections:
        vectors = projection(vectors)
    vectors = vectors[:, : config.dimension]  # cut, then normalised
    return normalize(vectors, dim=-1) if config.normalize else vectors
