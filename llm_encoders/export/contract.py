"""What of a contract sentence-transformers can express: obstacles, each with a cure."""

from collections.abc import Callable, Iterator
from typing import Any

from llm_encoders.config import EncoderConfig
from llm_encoders.errors import UsageError
from llm_encoders.sides import SIDES, TEMPLATE

POOLINGS = {
    "mean": "mean",
    "weighted-mean": "weightedmean",
    "max": "max",
    "last": "lasttoken",
    "eos": "lasttoken",
    "cls": "cls",
}
"""Words of a contract to those of the Pooling module."""
PER_TOKEN = "mean-of-normalised"
"""Is expressed by a Normalize module before the pooling, alone."""
_WITHOUT = "If the vectors may change, export '{name},{change}'"

HasSpecial = Callable[[str], bool]
"""Whether every text begins with BOS (``"bos"``), or ends with EOS (``"eos"``)."""
Obstacle = tuple[str, str, str]
"""The field, the change behind a name that takes it away (may be empty), and the reason."""


def require_expressible(name: str, contract: EncoderConfig, has: HasSpecial) -> None:
    """Refuse a contract that no folder of sentence-transformers expresses.

    Args:
        name: of the encoder, without its written options.
        contract: how it encodes.
        has: of the encoder.

    Raises:
        UsageError: names every field that stands in the way, and what can be done.
    """
    obstacles = [*_of_texts(contract), *_of_pooling(contract, has)]
    if not obstacles:
        return
    fields = " ".join(f"{field}: {reason}." for field, _, reason in obstacles)
    changes = ",".join(dict.fromkeys(change for _, change, _ in obstacles if change))
    cure = _WITHOUT.format(name=name, change=changes)
    if not all(change for _, change, _ in obstacles):
        cure = "Use it with this package, or train an encoder without"
    raise UsageError(f"sentence-transformers cannot express how {name} encodes. {fields} {cure}.")


def _of_texts(contract: EncoderConfig) -> Iterator[Obstacle]:
    for side in SIDES:
        one = contract.side(side)
        if one.suffix:
            yield (
                f"{side}_suffix",
                f"{side}_suffix=",
                "it puts nothing behind a text once it is cut",
            )
        if one.text_max_length is not None and one.text_max_length < one.max_length:
            yield (
                f"{side}_text_max_length",
                f"{side}_text_max_length=none",
                "it cuts a text by tokens of the whole, never by words",
            )
    if contract.strip != "none":
        yield "strip", "strip=none", "it keeps the blanks of a text"
    if contract.lowercase:
        yield "lowercase", "lowercase=false", "it lower-cases the prefix with the text, or neither"
    if contract.query_top_k != contract.passage_top_k and contract.paradigm == "sparse":
        yield (
            "query_top_k and passage_top_k",
            "query_top_k=none,passage_top_k=none",
            f"they are {_shown(contract.query_top_k)} and {_shown(contract.passage_top_k)}, and "
            "the folder keeps one number for both (encode_query and encode_document take each "
            "side's as max_active_dims)",
        )


def _of_pooling(contract: EncoderConfig, has: HasSpecial) -> Iterator[Obstacle]:
    poolings = contract.pooling.split("+") if contract.paradigm == "dense" else []
    if PER_TOKEN in poolings and len(poolings) > 1:
        yield "pooling", "", f"it cannot concatenate {PER_TOKEN} with another pooling"
    for token in ("bos", "eos"):
        if not getattr(contract, f"pool_{token}") and has(token):
            yield f"pool_{token}", "", f"it pools the {token.upper()} token as well"
    unpooled = [side for side in SIDES if leaves_out_prefix(contract, side)]
    if len(unpooled) == 1:
        (other,) = set(SIDES) - set(unpooled)
        if prompt_of(contract, other):
            yield (
                f"{unpooled[0]}_pool_prefix",
                f"{unpooled[0]}_pool_prefix=true",
                "it pools the prefix of both sides, or of neither",
            )
    for side in unpooled:
        if contract.paradigm == "sparse":
            reason = "SpladePooling pools the prefix as well"
        elif "weighted-mean" in poolings:
            reason = "its weighted mean counts the prefix in the weights"
        elif contract.side(side).template is not None:
            reason = "its prompt would hold the beginning of passage_template as well"
        else:
            continue
        yield f"{side}_pool_prefix", f"{side}_pool_prefix=true", reason


def leaves_out_prefix(contract: EncoderConfig, side: str) -> bool:
    """Whether tokens of the side's prefix are there, but not pooled."""
    one = contract.side(side)
    return bool(one.prefix) and not one.pool_prefix


def prompt_of(contract: EncoderConfig, side: str) -> str:
    """What stands before a text, or before a passage that has no title."""
    one = contract.side(side)
    if one.template is None:
        return one.prefix
    match = TEMPLATE.fullmatch(one.template)
    assert match is not None
    return f"{one.prefix}{match['before']}{match['none'] or ''}{match['between']}"


def remarks(contract: EncoderConfig, scale: float) -> list[str]:
    """What is expressed in another way than by a setting of its own, a line each.

    Args:
        contract: expressible.
        scale: factor on the logits of a sparse encoder.
    """
    found = []
    if contract.paradigm == "sparse":
        found.append(
            "The language model's head is a Dense module over the tokens: sentence-transformers "
            "has no masked language model of a decoder."
        )
        if scale != 1:
            found.append(f"logit_scale ({scale:g}) is multiplied into that module's weight.")
    else:
        if contract.pooling == PER_TOKEN:
            found.append(f"pooling {PER_TOKEN} is a Normalize module over the tokens, then mean.")
        if contract.dimension is not None:
            found.append(
                f"dimension is a Dense module that keeps the first {contract.dimension} components."
            )
    if contract.append_eos:
        found.append("append_eos: the tokenizer itself ends every text with EOS.")
    if not contract.special_tokens:
        found.append("special_tokens is false: the tokenizer itself adds none.")
    if contract.query_max_length != contract.passage_max_length:
        found.append(
            "The maximum lengths of the two sides differ: use encode_query and encode_document, "
            "not encode."
        )
    if contract.passage_template is not None:
        found.append(
            "passage_template is the prompt of passages without a title; for others give "
            'encode_document the whole text and prompt="".'
        )
    else:
        found.append("The title of a passage stands before its text, with a space.")
    return found


def _shown(value: Any) -> str:
    return "all" if value is None else str(value)
