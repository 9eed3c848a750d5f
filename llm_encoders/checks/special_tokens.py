"""Special tokens at both ends of a text, and what a tokenizer's settings say of them."""

from collections.abc import Sequence
from typing import Any

from llm_encoders.checkpoints.tokenizer import tokenizer_folder
from llm_encoders.checks.subject import Subject
from llm_encoders.reading import read_object

SETTINGS = "tokenizer_config.json"


def beginning(tokenizer: Any, ids: Sequence[int]) -> list[int]:
    """The first token where it is special, as a list of one."""
    return list(ids[:1]) if ids[0] in _special(tokenizer) else []


def ending(tokenizer: Any, ids: Sequence[int]) -> list[int]:
    """The special tokens after the last ordinary one."""
    special = _special(tokenizer)
    count = next((i for i, one in enumerate(reversed(ids)) if one not in special), len(ids))
    return list(ids[len(ids) - count :])


def _special(tokenizer: Any) -> set[int]:
    added = tokenizer.added_tokens_decoder.items()
    return {*tokenizer.all_special_ids, *(number for number, token in added if token.special)}


def shown(tokenizer: Any, ids: list[int]) -> str:
    """Token ids as text."""
    return "".join(tokenizer.convert_ids_to_tokens(ids)) or "no special token"


def setting(subject: Subject, key: str) -> bool:
    """Whether ``tokenizer_config.json`` says true to a key."""
    path = tokenizer_folder(subject.files) / SETTINGS
    return path.is_file() and read_object(path).get(key) is True
