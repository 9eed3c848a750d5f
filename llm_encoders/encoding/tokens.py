"""Texts to token ids: prefixes, titles, special tokens, maximum lengths."""

from collections.abc import Sequence
from typing import Any

from llm_encoders.config import EncoderConfig
from llm_encoders.errors import UsageError
from llm_encoders.unicode import well_formed


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


def tokenize_queries(
    tokenizer: Any,
    config: EncoderConfig,
    positions: int | None,
    queries: Sequence[str],
    max_length: int | None = None,
) -> list[list[int]]:
    """Token ids of queries as a contract says.

    Args:
        tokenizer: a Transformers tokenizer.
        config: the contract.
        positions: how many tokens the backbone reads; ``None`` for any number.
        queries: the texts, without prefix.
        max_length: tokens of a query, at most; default the contract's.
    """
    texts = [config.query_prefix + query for query in _list_of(queries)]
    length = _shorter(config.query_max_length if max_length is None else max_length, positions)
    return tokenize(tokenizer, texts, length, append_eos=config.append_eos)


def tokenize_documents(
    tokenizer: Any,
    config: EncoderConfig,
    positions: int | None,
    texts: Sequence[str],
    titles: Sequence[str | None] | None = None,
    max_length: int | None = None,
    add_sep: bool = False,
) -> list[list[int]]:
    """Token ids of passages as a contract says.

    Args:
        tokenizer, config, positions: as for :func:`tokenize_queries`.
        texts: the bodies.
        titles: one a text, put before it with a space; ``None`` or empty for none.
        max_length: tokens of a passage, at most; default the contract's.
        add_sep: join title and text by the tokenizer's template for text pairs instead.

    Raises:
        UsageError: a string in place of a list, or another number of titles than of texts.
    """
    texts, pairs, prefix = _list_of(texts), None, config.passage_prefix
    if titles is None:
        whole = [prefix + text for text in texts]
    elif len(titles) != len(texts):
        raise UsageError(f"{len(texts)} texts but {len(titles)} titles; give one a text.")
    elif add_sep:
        whole, pairs = [prefix + (title or "") for title in titles], texts
    else:
        both = zip(titles, texts, strict=True)
        whole = [prefix + (f"{title} {text}" if title else text) for title, text in both]
    length = _shorter(config.passage_max_length if max_length is None else max_length, positions)
    return tokenize(tokenizer, whole, length, pairs=pairs, append_eos=config.append_eos)


def _list_of(texts: Sequence[str]) -> Sequence[str]:
    """A bare string would be encoded letter by letter; refuse it."""
    if isinstance(texts, str):
        raise UsageError("Give a list of texts, not one string.")
    return texts


def _shorter(length: int, positions: int | None) -> int:
    return length if positions is None else min(length, positions)
