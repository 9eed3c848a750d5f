"""Texts to token ids: prefixes, titles, special tokens, maximum lengths."""

from collections.abc import Sequence
from typing import Any

from llm_encoders.config import EncoderConfig
from llm_encoders.errors import UsageError
from llm_encoders.sides import SIDES, Side
from llm_encoders.unicode import well_formed


class TokenIds(list[int]):
    """Token ids of one text; the first ``unpooled`` of them take no part in pooling."""

    unpooled = 0


def tokenize_texts(
    tokenizer: Any,
    config: EncoderConfig,
    side: str,
    positions: int | None,
    texts: Sequence[str],
    titles: Sequence[str | None] | None = None,
    max_length: int | None = None,
    add_sep: bool = False,
) -> list[list[int]]:
    """Token ids of queries or passages as a contract says.

    Args:
        tokenizer: a Transformers tokenizer.
        config: the contract.
        side: ``"query"`` or ``"passage"``.
        positions: how many tokens the backbone reads; ``None`` for any number.
        texts: queries, or bodies of passages; without prefix.
        titles: one a text; ``None`` or empty for none.
        max_length: tokens of a text, at most; default the contract's.
        add_sep: join title and text by the tokenizer's template for text pairs instead.

    Returns:
        One :class:`TokenIds` a text.

    Raises:
        UsageError: a string in place of a list, another number of titles than of texts, or a
            maximum length without room for text.
    """
    if isinstance(texts, str):  # it would be encoded letter by letter
        raise UsageError("Give a list of texts, not one string.")
    if titles is not None and len(titles) != len(texts):
        raise UsageError(f"{len(texts)} texts but {len(titles)} titles; give one a text.")
    if not texts:
        return []
    chosen = config.side(side)
    length = chosen.max_length if max_length is None else max_length
    if positions is not None:
        length = min(length, positions)
    bodies = [cleaned(text, config) for text in texts]
    heads = [None] * len(texts) if titles is None else [t and cleaned(t, config) for t in titles]
    work = _Tokenizing(tokenizer, config, chosen, length)
    if add_sep:
        return work.pairs([head or "" for head in heads], bodies)
    if chosen.text_max_length is not None:
        bodies = [work.shortened(body, chosen.text_max_length) for body in bodies]
    return work.texts([chosen.body(b, h) for b, h in zip(bodies, heads, strict=True)])


def cleaned(text: str, config: EncoderConfig) -> str:
    """A text of a user without what the contract has no use for: blanks, capital letters."""
    text = well_formed(text)
    if config.strip != "none":
        text = text.strip() if config.strip == "both" else text.rstrip()
    return text.lower() if config.lowercase else text


class _Tokenizing:
    """What the texts of one side share."""

    def __init__(self, tokenizer: Any, config: EncoderConfig, side: Side, max_length: int) -> None:
        self.tokenizer, self.config, self.side = tokenizer, config, side
        self.max_length = max_length
        self.append = config.append_eos and not _ends_itself(tokenizer, config)

    def texts(self, bodies: list[str]) -> list[list[int]]:
        """Token ids of prefix, body and suffix; the body is cut where the whole is too long."""
        prefix, suffix = self.side.prefix, self.side.suffix
        room = self._room(pair=False)
        whole = [prefix + body + suffix for body in bodies]
        if not suffix:
            return self._finished(self._ids(whole, room))
        encoded = self._ids(whole, None)
        for row, ids in enumerate(encoded["input_ids"]):
            if len(ids) > room:
                cut = self._cut(bodies[row], len(ids), room)
                again = self._ids([prefix + cut + suffix], room)
                for key in encoded:
                    encoded[key][row] = again[key][0]
        return self._finished(encoded)

    def pairs(self, titles: list[str], bodies: list[str]) -> list[list[int]]:
        """Token ids of prefix and title, then body, by the tokenizer's template for pairs."""
        firsts = [self.side.prefix + title for title in titles]
        return self._finished(self._ids(firsts, self._room(pair=True), bodies))

    def shortened(self, text: str, most: int) -> str:
        """A text whose words at the end are left out until it has at most so many tokens.

        The steps are those of the package llm2vec, which counts no further than the maximum
        length of the whole and so takes several.
        """
        while (count := self._count(text)) > most:
            words = text.split()
            text = " ".join(words[: min(int(len(words) * most / count), len(words) - 1)])
        return text

    def _count(self, text: str) -> int:
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return min(len(ids), self.max_length)

    def _room(self, pair: bool) -> int:
        """Tokens that the tokenizer may make, its special ones included."""
        special = self.tokenizer.num_special_tokens_to_add(pair=pair)
        special = special if self.config.special_tokens else 0
        room = self.max_length - self.append
        if room <= special:
            raise UsageError(
                f"A maximum length of {self.max_length} leaves no room for text besides "
                f"{special + self.append} special tokens."
            )
        return room

    def _ids(
        self, texts: list[str], most: int | None, pairs: list[str] | None = None
    ) -> dict[str, list[Any]]:
        unpooled = bool(self.side.prefix) and not self.side.pool_prefix
        encoded = self.tokenizer(
            texts,
            text_pair=pairs,
            add_special_tokens=self.config.special_tokens,
            truncation=most is not None,
            max_length=most,
            return_attention_mask=False,
            return_token_type_ids=False,
            return_offsets_mapping=unpooled,
        )
        keys = ("input_ids", "offset_mapping") if unpooled else ("input_ids",)
        return {key: list(encoded[key]) for key in keys}

    def _cut(self, body: str, count: int, room: int) -> str:
        """The longest beginning of a body with which the whole has at most ``room`` tokens."""
        offsets = self.tokenizer(body, add_special_tokens=False, return_offsets_mapping=True)
        ends = [end for _, end in offsets["offset_mapping"]]
        kept = max(0, len(ends) - (count - room))
        while kept:
            cut = body[: ends[kept - 1]]
            whole = self.side.prefix + cut + self.side.suffix
            if len(self._ids([whole], None)["input_ids"][0]) <= room:
                return cut
            kept -= 1
        return ""

    def _finished(self, encoded: dict[str, list[Any]]) -> list[list[int]]:
        found: list[list[int]] = []
        eos = self.tokenizer.eos_token_id
        offsets = encoded.get("offset_mapping") or [None] * len(encoded["input_ids"])
        border = len(self.side.prefix)
        for ids, places in zip(encoded["input_ids"], offsets, strict=True):
            one = TokenIds(ids)
            if self.append and (not ids or ids[-1] != eos):
                one.append(eos)
            if places is not None:
                beyond = (i for i, (_, end) in enumerate(places) if end > border)
                one.unpooled = next(beyond, len(ids))
            found.append(one)
        return found


def _ends_itself(tokenizer: Any, config: EncoderConfig) -> bool:
    """Whether the tokenizer ends every text with EOS itself."""
    if not config.special_tokens:
        return False
    return bool(tokenizer("a")["input_ids"][-1] == tokenizer.eos_token_id)


def require_room(tokenizer: Any, config: EncoderConfig, positions: int | None, source: str) -> None:
    """Refuse a contract whose maximum lengths leave no room for a single token of a text.

    Args:
        tokenizer: a Transformers tokenizer.
        config: the contract.
        positions: how many tokens the backbone reads; ``None`` for any number.
        source: names the encoder in errors.

    Raises:
        UsageError: prefix, suffix and special tokens fill a maximum length.
    """
    for name in SIDES:
        side = config.side(name)
        length = side.max_length if positions is None else min(side.max_length, positions)
        whole = side.prefix + side.body("a") + side.suffix
        ids = tokenizer(whole, add_special_tokens=config.special_tokens)["input_ids"]
        needed = len(ids) + (config.append_eos and not _ends_itself(tokenizer, config))
        if needed > length:
            worded = bool(side.prefix or side.suffix or side.template)
            raise UsageError(
                f"{source}: {name}_max_length is {length}, which leaves no room for text besides "
                f"{needed - 1} {'tokens of the prefix and ' if worded else ''}special tokens."
            )
