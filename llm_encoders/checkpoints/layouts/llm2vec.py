"""LLM2Vec (arXiv 2404.05961): two stacked adapters, a chat header, an instruction not pooled.

The contract is that of the package ``llm2vec``, whose ``llm2vec_config.json`` a repository may
lack: mean of the text's own tokens, at most 512 tokens, texts longer than 400 shortened by words.
"""

from pathlib import Path
from typing import Any

from llm_encoders.checkpoints.layouts.adapters import (
    ADAPTER_CONFIG,
    repository_of_class,
    trained_on,
)
from llm_encoders.checkpoints.layouts.derived import Derived, SourcedValues
from llm_encoders.errors import UsageError
from llm_encoders.reading import read_object

NAME = "LLM2Vec"
SETTINGS = "llm2vec_config.json"
_CLASSES = ("LlamaEncoderModel", "MistralEncoderModel", "Qwen2EncoderModel")
_POOLINGS = {"mean": "mean", "weighted_mean": "weighted-mean", "eos_token": "last"}
_KEYS = {
    "pooling_mode": ("pooling",),
    "max_length": ("query_max_length", "passage_max_length"),
    "doc_max_length": ("query_text_max_length", "passage_text_max_length"),
    "skip_instruction": ("query_pool_prefix", "passage_pool_prefix"),
}
"""The package's settings, and the keys of a contract that each gives."""
_LLAMA_3 = ("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>")
_MISTRAL = ("[INST] ", " [/INST]")
_QWEN2 = ("<|im_start|>user\n", "<|im_end|>")
# The package puts a chat header around the text by the exact name of the base model.
_HEADERS = {
    "meta-llama/Meta-Llama-3-8B-Instruct": _LLAMA_3,
    "mistralai/Mistral-7B-Instruct-v0.2": _MISTRAL,
    "meta-llama/Llama-2-7b-chat-hf": _MISTRAL,
    "Qwen/Qwen2-1.5B-Instruct": _QWEN2,
    "Qwen/Qwen2-7B-Instruct": _QWEN2,
}
_WITHOUT_HEADER = ("princeton-nlp/Sheared-LLaMA-1.3B",)
_TASK = "Given a web search query, retrieve relevant passages that answer the query:"


def adapter_below(folder: Path) -> str | None:
    """Hub id of the adapter that is merged before one of LLM2Vec's, whatever contract it has."""
    library, name = trained_on(folder)
    return repository_of_class(library) if name in _CLASSES else None


def claims(folder: Path) -> bool:
    """Whether it is an adapter of LLM2Vec's classes."""
    return trained_on(folder)[1] in _CLASSES


def read(folder: Path) -> Derived | None:
    """The contract of an adapter in LLM2Vec's layout.

    Raises:
        UsageError: a setting that no contract expresses, or a base whose header is not known.
    """
    if not claims(folder):
        return None
    library, name = trained_on(folder)
    if repository_of_class(library) is None:
        raise UsageError(
            f"{folder / ADAPTER_CONFIG}: the adapter was trained on {name} of {library}, which "
            "does not tell the adapter that is merged before it. Merge that one into the backbone, "
            "save the result, and name it as base_model_name_or_path; then write an "
            "encoder_config.json."
        )
    values = read_object(folder / ADAPTER_CONFIG)
    base = str(values.get("base_model_name_or_path"))
    found = SourcedValues()
    found.add(ADAPTER_CONFIG, paradigm="dense", attention="bidirectional")
    assumed = {"instruction", *_settings(folder, found)}
    header, footer = _header(folder, base)
    found.add(
        ADAPTER_CONFIG,
        instruction=_TASK,
        query_prefix=f"{header}{{instruction}} ",
        passage_prefix=header,
        query_suffix=footer,
        passage_suffix=footer,
        strip="end",
    )
    return Derived(NAME, found.contract(folder), found.sources, frozenset(assumed))


def _settings(folder: Path, found: SourcedValues) -> set[str]:
    """Pooling and lengths; returns the keys that no file has."""
    path = folder / SETTINGS
    settings: dict[str, Any] = read_object(path) if path.is_file() else {}
    if unknown := sorted(set(settings) - set(_KEYS)):
        raise UsageError(f"{path}: the key '{unknown[0]}' is not known, so it cannot be honoured.")
    pooling = settings.get("pooling_mode", "mean")
    if pooling not in _POOLINGS:
        raise UsageError(f"{path}: the pooling '{pooling}' is not supported.")
    skipped = settings.get("skip_instruction", True)
    if not isinstance(skipped, bool):
        raise UsageError(f"{path}: skip_instruction is {skipped!r}; expected true or false.")
    pooled = not skipped
    length, text = settings.get("max_length", 512), settings.get("doc_max_length", 400)
    found.add(
        SETTINGS,
        pooling=_POOLINGS[pooling],
        query_pool_prefix=pooled,
        passage_pool_prefix=pooled,
        query_max_length=length,
        passage_max_length=length,
        query_text_max_length=text,
        passage_text_max_length=text,
    )
    return {key for name, keys in _KEYS.items() if name not in settings for key in keys}


def _header(folder: Path, base: str) -> tuple[str, str]:
    if base in _HEADERS:
        return _HEADERS[base]
    if base in _WITHOUT_HEADER:
        return "", ""
    raise UsageError(
        f"{folder / ADAPTER_CONFIG}: the base model is '{base}'; what LLM2Vec puts around a text "
        f"is known for {', '.join((*_HEADERS, *_WITHOUT_HEADER))}. Write an encoder_config.json."
    )
