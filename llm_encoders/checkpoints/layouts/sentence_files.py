"""The files of sentence-transformers, old and new: what each says, with its name in errors.

``modules.json`` names the modules in order, each with a folder and its ``config.json``;
``sentence_bert_config.json`` holds lengths; ``config_sentence_transformers.json`` prompts and
similarity. Written by versions 2 to 6 of the package.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_json, read_object

MODULES = "modules.json"
SETTINGS = "sentence_bert_config.json"
PROMPTS = "config_sentence_transformers.json"
LENGTHS = ("max_seq_length", "query_length", "document_length")
_FLAGS = {  # in the order in which several are concatenated
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_QUERY_PROMPTS = ("query", "web_search_query", "Retrieval-query", "retrieval.query", "s2p_query")
_PASSAGE_PROMPTS = (*("document", "passage", "corpus", "Retrieval-document", "retrieval.passage"),)


@dataclass(frozen=True)
class Module:
    """One module of ``modules.json``."""

    kind: str
    """Last word of its type, e.g. ``Pooling``."""
    folder: str
    """Relative to the model's folder; the first is the folder itself."""


@dataclass(frozen=True)
class Prompts:
    """What is put before queries and passages, and how vectors are compared."""

    query: str
    passage: str
    similarity: str | None
    dimension: int | None = None
    """Leading components that are kept (``truncate_dim``)."""
    top_k: int | None = None
    """Largest weights that are kept (``max_active_dims``)."""


def read_modules(folder: Path) -> list[Module]:
    """The modules in order.

    Raises:
        EncoderError: there is no ``modules.json``, or it is no list of modules.
    """
    path = folder / MODULES
    if not path.is_file():
        raise EncoderError(f"{folder} has no {MODULES}, so its pooling is unknown.")
    modules = read_json(path)
    if not isinstance(modules, list) or not all(
        isinstance(one, dict) and isinstance(one.get("type"), str) for one in modules
    ):
        raise EncoderError(f"{path}: expected a list of modules, each with 'type' and 'path'.")
    return [Module(one["type"].rsplit(".", 1)[-1], str(one.get("path", ""))) for one in modules]


def read_pooling(path: Path) -> tuple[list[str], bool]:
    """Modes of a Pooling module, in the words of the package, and whether prompts are pooled."""
    config = read_object(path)
    named = config.get("pooling_mode")
    if named is None:  # written before version 6
        flags = [key for key, value in config.items() if key.startswith("pooling_") and value]
        known = [mode for flag, mode in _FLAGS.items() if flag in flags]
        modes = known + [flag for flag in flags if flag not in _FLAGS]
    else:
        modes = list(named) if isinstance(named, list) else [named]
    return [str(mode) for mode in modes], config.get("include_prompt", True) is not False


def read_settings(transformer: Path) -> dict[str, Any]:
    """``sentence_bert_config.json``, empty where it is absent.

    Raises:
        UsageError: a setting that no contract expresses.
        EncoderError: a length that is none.
    """
    path = transformer / SETTINGS
    settings = read_object(path) if path.is_file() else {}
    for key in LENGTHS:
        _count(settings, key, path)
    for key in ("query_expansion", "processing_kwargs"):
        if settings.get(key):
            raise UsageError(f"{path}: {key} is set, which no contract expresses.")
    if "message" in (settings.get("modality_config") or {}):
        raise UsageError(
            f"{path}: modality_config has 'message', so texts are put into a chat template, which "
            "no contract expresses. If the model takes plain texts, remove that entry."
        )
    return settings


def require_sentence(path: Path) -> None:
    """Refuse a module that does not work on the vector of the text, but on those of its tokens.

    Raises:
        UsageError: names the key.
    """
    config = read_object(path) if path.is_file() else {}
    for key in ("module_input_name", "module_output_name"):
        if config.get(key) not in (None, "sentence_embedding"):
            raise UsageError(
                f"{path}: {key} is {config[key]!r}; only modules that work on sentence_embedding "
                "are supported."
            )


def _count(config: dict[str, Any], key: str, path: Path) -> int | None:
    found = config.get(key)
    if found is not None and (not isinstance(found, int) or isinstance(found, bool) or found < 1):
        raise EncoderError(f"{path}: {key} is {found!r}; expected a number from 1.")
    return found


def read_prompts(path: Path) -> Prompts:
    """Prompts of queries and of passages.

    Raises:
        EncoderError: it is not settled which prompt is for what.
    """
    config = read_object(path) if path.is_file() else {}
    similarity = config.get("similarity_fn_name")
    if similarity not in (None, "cosine", "dot"):
        raise EncoderError(
            f"{path}: the similarity '{similarity}' is not supported; cosine and dot are."
        )
    prompts, default = config.get("prompts") or {}, config.get("default_prompt_name")
    if not isinstance(prompts, dict) or not all(isinstance(one, str) for one in prompts.values()):
        raise EncoderError(f"{path}: 'prompts' must be an object of texts by name.")
    if default is not None and default not in prompts:
        raise EncoderError(
            f"{path}: default_prompt_name is '{default}', which is no key of 'prompts'."
        )
    query = next((name for name in _QUERY_PROMPTS if name in prompts), default)
    passage = next((name for name in _PASSAGE_PROMPTS if name in prompts), default)
    if query is None and passage is None and any(prompts.values()):
        raise EncoderError(
            f"{path}: it is not known which of the prompts ({', '.join(prompts)}) is for queries, "
            "and which for passages. Add 'query' and 'document' to its 'prompts' ('' for none)."
        )
    return Prompts(
        prompts.get(query, ""),
        prompts.get(passage, ""),
        similarity,
        _count(config, "truncate_dim", path),
        _count(config, "max_active_dims", path),
    )
