"""Keys of a contract given by the user, behind a name or from Python."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from llm_encoders.config import CONTRACT_KEYS, FILE_KEYS, TEACHER, EncoderConfig, concerns
from llm_encoders.errors import UsageError
from llm_encoders.sides import INSTRUCTION, SIDES

FIXED = ("paradigm",)
_TYPES = {field.name: field.type for field in dataclasses.fields(EncoderConfig)}
_TEXTS = (str, str | None)


class Written(str):
    """A value as it is written behind a name: in double quotes it is a JSON string."""


def overridden(contract: EncoderConfig, changes: Mapping[str, Any], name: str) -> EncoderConfig:
    """A contract with some values replaced.

    Args:
        contract: of the checkpoint.
        changes: values, or :class:`Written` ones: ``true``, ``512``, ``none``, words as they are,
            or in double quotes with JSON's escapes for line ends.
        name: of the encoder, for errors.

    Raises:
        UsageError: an unknown key, one that does not concern encoders of this paradigm, or a value
            of the wrong kind; names the key.
    """
    if not changes:
        return contract
    values = {}
    for key, value in changes.items():
        if key in FIXED or key not in CONTRACT_KEYS:
            raise UsageError(f"{name}: '{key}' is no key of a contract that can be changed.")
        if key in FILE_KEYS:
            raise UsageError(
                f"{name}: '{key}' says which files of a checkpoint encode, so it cannot be changed."
            )
        if contract.passage_encoder == TEACHER and key.startswith("passage_"):
            raise UsageError(
                f"{name} encodes queries only, so '{key}' would change nothing; leave it out."
            )
        if not concerns(key, contract.paradigm):
            raise UsageError(
                f"{name}: '{key}' does not concern {contract.paradigm} encoders; leave it out."
            )
        values[key] = _typed(key, value) if isinstance(value, str) else value
    written = dataclasses.asdict(contract) | values
    # A prefix that is no text is named below.
    placed = any(INSTRUCTION in str(written[f"{side}_prefix"]) for side in SIDES)
    if values.get("instruction") == "":
        raise UsageError(
            f"{name}: the instruction is empty. Give one, or the whole prefix without it: "
            f"--encoder '{name},query_prefix=…'."
        )
    if "instruction" in values and not placed:
        raise UsageError(
            f"{name}: its prefixes have no place for an instruction. Give the whole prefix: "
            f"--encoder '{name},query_prefix=…'."
        )
    if not placed:  # a prefix was replaced that had a place for it
        written["instruction"] = None
    return EncoderConfig.from_dict(written, f"Encoder '{name}'")


def as_written(value: Any) -> str:
    """A value as it is written behind a name."""
    if isinstance(value, tuple):
        return "+".join(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return "none" if value is None else str(value).lower()


def _typed(key: str, text: str) -> Any:
    """The value that a text stands for; one of the wrong kind is left to the contract's check."""
    kind: Any = _TYPES[key]
    if not isinstance(text, Written) and kind in _TEXTS:
        return text
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        try:
            return json.loads(text)
        except ValueError:
            raise UsageError(f"{key}: {text} is no JSON string.") from None
    if kind == tuple[str, ...]:
        return tuple(part for part in text.split("+") if part) if text != "none" else ()
    if text.lower() in ("none", "null") and isinstance(None, kind):
        return None
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind in _TEXTS:
        return str(text)
    for parse in (int, float):
        try:
            return parse(text)
        except ValueError:
            continue
    return text
