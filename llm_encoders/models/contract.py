"""What is known of a contract without the repository's files."""

import json

from llm_encoders.config import CONTRACT_KEYS, EncoderConfig
from llm_encoders.registry import Preset


def known_contract(preset: Preset) -> tuple[EncoderConfig, frozenset[str]]:
    """The contract of a named encoder, and the keys of it that are known without its files."""
    if preset.local_folder is not None:
        return EncoderConfig.load(preset.local_folder), frozenset(CONTRACT_KEYS)
    return preset.contract, frozenset(CONTRACT_KEYS) if preset.layout is None else preset.written


def quoted(text: str) -> str:
    """A text in double quotes, its line ends visible."""
    return json.dumps(text, ensure_ascii=False)


def shown(value: object) -> str:
    """A value of a contract as a reader sees it."""
    if isinstance(value, str):
        return quoted(value) if " " in value or "\n" in value or not value else value
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return "none" if value is None else str(value).lower()
