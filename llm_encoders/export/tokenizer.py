"""The tokenizer of an export: what the contract adds to a text, the tokenizer adds by itself."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from llm_encoders.config import EncoderConfig
from llm_encoders.encoding.encoder import Encoder
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.export.contract import leaves_out_prefix, prompt_of
from llm_encoders.sides import SIDES

_PROBES = ("a", "The cat sat on the mat.", "  café naïve\n", "42", "¿qué?", ".", "日本", "\n")


def write_tokenizer(tokenizer: Any, contract: EncoderConfig, folder: Path) -> None:
    """Write a tokenizer that adds EOS, and leaves out special tokens, as the contract says.

    Args:
        tokenizer: of the encoder.
        contract: says what every text has.
        folder: takes its files.

    Raises:
        UsageError: it is one without a ``tokenizer.json``, or of a kind that is not known.
    """
    from transformers import AutoTokenizer

    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise UsageError("The tokenizer has no tokenizer.json, so nothing can be put into it.")
    tokenizer.save_pretrained(folder)
    file, settings = folder / "tokenizer.json", folder / "tokenizer_config.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    values["truncation"] = values["padding"] = None
    if not contract.special_tokens:
        values["post_processor"] = _without_special(values["post_processor"])
    if contract.append_eos and not _ends_with_eos(tokenizer, contract):
        values["post_processor"] = _with_last(
            values["post_processor"], tokenizer.eos_token, tokenizer.eos_token_id
        )
    file.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
    written = json.loads(settings.read_text(encoding="utf-8"))
    written["padding_side"] = "right"  # positions then count from the first real token
    if tokenizer.pad_token is None:  # never attended to, but batches need one
        written["pad_token"] = tokenizer.eos_token or tokenizer.unk_token or tokenizer.bos_token
    settings.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    AutoTokenizer.from_pretrained(folder, local_files_only=True)


def has_special(tokenizer: Any, contract: EncoderConfig, token: str) -> bool:
    """Whether every text begins with BOS (``"bos"``), or ends with EOS (``"eos"``)."""
    if token == "eos":
        return contract.append_eos or _ends_with_eos(tokenizer, contract)
    ids = tokenizer("a", add_special_tokens=contract.special_tokens)["input_ids"]
    return bool(ids[0] == tokenizer.bos_token_id)


def _ends_with_eos(tokenizer: Any, contract: EncoderConfig) -> bool:
    ids = tokenizer("a", add_special_tokens=contract.special_tokens)["input_ids"]
    return bool(ids[-1] == tokenizer.eos_token_id)


def _without_special(processor: dict[str, Any] | None) -> dict[str, Any] | None:
    """A post-processor of ``tokenizer.json`` that adds no tokens."""
    if processor is None or processor["type"] in ("TemplateProcessing", "BertProcessing"):
        return None
    if processor["type"] == "Sequence":
        inner = [one for one in map(_without_special, processor["processors"]) if one is not None]
        return {**processor, "processors": inner} if inner else None
    if processor["type"] == "ByteLevel":
        return processor
    raise _unknown(processor)


def _with_last(processor: dict[str, Any] | None, token: str, number: int) -> dict[str, Any]:
    """A post-processor of ``tokenizer.json`` that ends every text with a special token."""
    special = {"id": token, "ids": [number], "tokens": [token]}
    last = {"SpecialToken": {"id": token, "type_id": 0}}
    if processor is None:
        texts = {name: {"Sequence": {"id": name, "type_id": 0}} for name in "AB"}
        return {
            "type": "TemplateProcessing",
            "single": [texts["A"], last],
            "pair": [texts["A"], texts["B"], last],
            "special_tokens": {token: special},
        }
    if processor["type"] == "TemplateProcessing":
        return {
            **processor,
            **{key: [*processor[key], last] for key in ("single", "pair")},
            "special_tokens": {**processor["special_tokens"], token: special},
        }
    if processor["type"] == "Sequence":
        inner = list(processor["processors"])
        kinds = [one["type"] for one in inner]
        place = kinds.index("TemplateProcessing") if "TemplateProcessing" in kinds else None
        if place is None:
            inner.append(_with_last(None, token, number))
        else:
            inner[place] = _with_last(inner[place], token, number)
        return {**processor, "processors": inner}
    if processor["type"] == "ByteLevel":
        return {"type": "Sequence", "processors": [processor, _with_last(None, token, number)]}
    raise _unknown(processor)


def _unknown(processor: dict[str, Any]) -> UsageError:
    return UsageError(
        f"The tokenizer's post-processor is of the type {processor['type']}, which cannot be "
        "changed to add the tokens of the contract."
    )


def require_same_tokens(encoder: Encoder[Any], folder: Path, lengths: dict[str, int]) -> None:
    """Compare what the written tokenizer makes of texts with what the encoder makes of them.

    Args:
        encoder: what is exported.
        folder: holds the written tokenizer.
        lengths: tokens of a text by side.

    Raises:
        UsageError: another number of tokens of the prefix would be left out of the pool.
        EncoderError: other tokens.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    encode: dict[str, Callable[[list[str]], list[list[int]]]] = {
        "query": encoder.query_token_ids,
        "passage": encoder.document_token_ids,
    }
    for side in SIDES:
        # A word may be one token, but whatever it is, this text is cut.
        texts = [*_PROBES, "A long text. " * lengths[side]]
        prompt = prompt_of(encoder.config, side)
        expected = encode[side](texts)
        found = tokenizer(
            [prompt + text for text in texts], truncation=True, max_length=lengths[side]
        )["input_ids"]
        for text, one, other in zip(texts, expected, found, strict=True):
            if list(one) != list(other):
                raise EncoderError(
                    f"The exported tokenizer gives other tokens for the {side} {text[:20]!r} than "
                    "the encoder, so nothing was written. Use the encoder with this package."
                )
        if leaves_out_prefix(encoder.config, side):
            _require_same_border(tokenizer, prompt, side, texts, expected)


def _require_same_border(
    tokenizer: Any, prompt: str, side: str, texts: Sequence[str], expected: list[list[int]]
) -> None:
    """sentence-transformers leaves out as many tokens as the prompt alone has."""
    alone = tokenizer(prompt)["input_ids"]
    count = len(alone) - (alone[-1] in tokenizer.all_special_ids)
    for text, ids in zip(texts, expected, strict=True):
        if getattr(ids, "unpooled", 0) != count:
            raise UsageError(
                f"sentence-transformers cannot express {side}_pool_prefix: it would leave "
                f"{count} tokens out of the pool, but where {text[:20]!r} follows the prefix, "
                f"{getattr(ids, 'unpooled', 0)} belong to it. If the vectors may change, add "
                f"{side}_pool_prefix=true to the encoder's name."
            )
