"""``sentence_bert_config.json``: lengths, and settings that are refused if they change vectors.

Written by versions 2 to 6 of sentence-transformers.
"""

from pathlib import Path
from typing import Any

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_object

SETTINGS = "sentence_bert_config.json"
LENGTHS = ("max_seq_length", "query_length", "document_length")
# Arguments for Transformers in sentence_bert_config.json that change no vector.
_WITHOUT_EFFECT = {
    "model": {"attn_implementation", "device_map", "dtype", "low_cpu_mem_usage", "torch_dtype"},
    "processor": {"model_max_length", "padding_side", "use_fast"},
    "config": {"use_cache"},
}
_ARGUMENTS = {  # names of these arguments, of version 6 and before
    "model_kwargs": "model",
    "model_args": "model",
    "processor_kwargs": "processor",
    "tokenizer_args": "processor",
    "config_kwargs": "config",
    "config_args": "config",
}
_STATES: dict[str, tuple[str, ...]] = {
    "transformer_task": ("feature-extraction", "fill-mask"),
    "module_output_name": ("token_embeddings",),
}
_KNOWN_SETTINGS = {*LENGTHS, "do_lower_case", "unpad_inputs", "modality_config", *_ARGUMENTS}
_KNOWN_SETTINGS |= _STATES.keys()


def read_settings(transformer: Path) -> dict[str, Any]:
    """``sentence_bert_config.json``, empty where it is absent.

    Raises:
        UsageError: a setting that no contract expresses.
        EncoderError: a length that is none.
    """
    path = transformer / SETTINGS
    settings = read_object(path) if path.is_file() else {}
    for key in LENGTHS:
        read_count(settings, key, path)
    for key in ("processor_kwargs", "tokenizer_args"):
        if isinstance(settings.get(key), dict):
            read_count(settings[key], "model_max_length", path)
    for key in ("query_expansion", "processing_kwargs"):
        if settings.get(key):
            raise UsageError(f"{path}: {key} is set, which no contract expresses.")
    modalities = settings.get("modality_config") or {}
    if "message" in modalities:
        raise UsageError(
            f"{path}: modality_config has 'message', so texts are put into a chat template, which "
            "no contract expresses. If the model takes plain texts, remove that entry."
        )
    _require_last_states(settings, modalities, path)
    for key, value in settings.items():
        if key not in _KNOWN_SETTINGS and value not in (None, False, "", {}, []):
            raise UsageError(f"{path}: the key '{key}' is not known, so it cannot be honoured.")
        if key in _ARGUMENTS:
            _require_without_effect(value or {}, key, path)
    return settings


def _require_last_states(settings: dict[str, Any], modalities: Any, path: Path) -> None:
    """Refuse what pools something else than the last states, or the logits of a sparse model."""
    for key, known in _STATES.items():
        if settings.get(key) is not None and settings[key] not in known:
            raise UsageError(f"{path}: {key} is {settings[key]!r}, which no contract expresses.")
    text = modalities.get("text") if isinstance(modalities, dict) else None
    expected = "logits" if settings.get("transformer_task") == "fill-mask" else "last_hidden_state"
    if modalities and text != {"method": "forward", "method_output_name": expected}:
        raise UsageError(
            f"{path}: modality_config has {text!r} for texts, which no contract expresses; only "
            f"'{expected}' of 'forward' is."
        )


def _require_without_effect(arguments: Any, key: str, path: Path) -> None:
    """Refuse arguments for Transformers that may change vectors."""
    harmless = {*_WITHOUT_EFFECT[_ARGUMENTS[key]], "trust_remote_code"}
    given = arguments if isinstance(arguments, dict) else {repr(arguments): None}
    if unknown := sorted(set(given) - harmless):
        raise UsageError(
            f"{path}: {key} has '{unknown[0]}', which may change the vectors and is not honoured "
            "here. Write the contract by hand (encoder_config.json), or remove it if it does not."
        )


def task_of(settings: dict[str, Any]) -> str:
    """``"feature-extraction"``, where the model gives its last states, or ``"fill-mask"``."""
    return str(settings.get("transformer_task") or "feature-extraction")


def most_tokens(settings: dict[str, Any]) -> int | None:
    """Tokens of a text by ``sentence_bert_config.json``, ``None`` if it does not say."""
    for key in ("processor_kwargs", "tokenizer_args"):
        found = (settings.get(key) or {}).get("model_max_length")
        if found is not None:
            return int(found)
    length = settings.get("max_seq_length")
    return None if length is None else int(length)


def read_count(config: dict[str, Any], key: str, path: Path) -> int | None:
    """A number from 1 at a key, ``None`` if it is absent.

    Raises:
        EncoderError: it is something else.
    """
    found = config.get(key)
    if found is not None and (not isinstance(found, int) or isinstance(found, bool) or found < 1):
        raise EncoderError(f"{path}: {key} is {found!r}; expected a number from 1.")
    return found
