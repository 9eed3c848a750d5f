"""Texts to token ids to length-sorted batches under a token budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llm_encoders.config import EncoderConfig
from llm_encoders.errors import UsageError
from llm_encoders.unicode import well_formed


@dataclass(frozen=True)
class Batch:
    """Some rows of the input, padded to their longest."""

    rows: list[int]
    """Positions of the texts in the input."""
    token_ids: Tensor
    """int64 [batch, length]."""
    attention_mask: Tensor
    """int64 [batch, length], 1 for real tokens."""


def tokenize(
    tokenizer: Any,
    texts: Sequence[str],
    max_length: int,
    pairs: Sequence[str] | None = None,
    append_eos: bool = False,
) -> list[list[int]]:
    """Token ids of every text, special tokens as the tokenizer adds them, cut to ``max_length``.

    Args:
        tokenizer: a Transformers tokenizer.
        texts: the texts, prefixes included.
        max_length: largest number of tokens of a text, special tokens included.
        pairs: second segments, joined by the tokenizer's own template for text pairs.
        append_eos: end every text with the EOS token, within ``max_length``.

    Raises:
        UsageError: ``max_length`` leaves no room for text besides the special tokens.
    """
    if not texts:
        return []
    room = max_length - 1 if append_eos else max_length
    special = tokenizer.num_special_tokens_to_add(pair=pairs is not None)
    if room <= special:
        raise UsageError(
            f"A maximum length of {max_length} leaves no room for text besides "
            f"{special + append_eos} special tokens."
        )
    token_ids = tokenizer(
        [well_formed(text) for text in texts],
        text_pair=None if pairs is None else [well_formed(pair) for pair in pairs],
        truncation=True,
        max_length=room,
        return_attention_mask=False,
        return_token_type_ids=False,
    )["input_ids"]
    if append_eos:
        return [[*ids, tokenizer.eos_token_id] for ids in token_ids]
    return token_ids


def require_room(tokenizer: Any, config: EncoderConfig, positions: int | None, source: str) -> None:
    """Refuse a contract whose maximum lengths leave no room for a single token of a text.

    Args:
        tokenizer: a Transformers tokenizer.
        config: the contract.
        positions: how many tokens the backbone reads; ``None`` for any number.
        source: names the encoder in errors.

    Raises:
        UsageError: prefix and special tokens fill a maximum length.
    """
    for side in ("query", "passage"):
        longest = getattr(config, f"{side}_max_length")
        length = longest if positions is None else min(longest, positions)
        prefix = getattr(config, f"{side}_prefix")
        needed = len(tokenizer(f"{prefix}a")["input_ids"]) + config.append_eos
        if needed > length:
            raise UsageError(
                f"{source}: {side}_max_length is {length}, which leaves no room for text besides "
                f"{needed - 1} {'tokens of the prefix and ' if prefix else ''}special tokens."
            )


def length_sorted(
    lengths: Sequence[int], max_texts: int, max_tokens: int, rows: Sequence[int] | None = None
) -> list[list[int]]:
    """Group rows of like length, longest first, into batches.

    A batch has at most ``max_texts`` rows, and its padded size (rows times its longest) at most
    ``max_tokens`` unless one text alone exceeds it. ``rows`` restricts it to some rows.
    """
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)) if rows is None else rows, key=lambda r: -lengths[r]):
        room = batches and len(batches[-1]) < max_texts
        if room and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= max_tokens:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def pad(token_ids: list[list[int]], rows: list[int], padding_side: str, pad_id: int = 0) -> Batch:
    """Pad the given rows to their longest, on the ``"right"`` or the ``"left"``."""
    length = max(1, max(len(token_ids[row]) for row in rows))
    ids = torch.full((len(rows), length), pad_id, dtype=torch.int64)
    mask = torch.zeros((len(rows), length), dtype=torch.int64)
    for i, row in enumerate(rows):
        count = len(token_ids[row])
        place = slice(0, count) if padding_side == "right" else slice(length - count, length)
        ids[i, place] = torch.tensor(token_ids[row], dtype=torch.int64)
        mask[i, place] = 1
    return Batch(rows, ids, mask)
