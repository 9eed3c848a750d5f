"""The files of sentence-transformers, old and new: what each says, with its name in errors.

``modules.json`` names the modules in order, each with a folder and its ``config.json``;
``sentence_bert_config.json`` holds lengths; ``config_sentence_transformers.json`` prompts and
similarity. Written by versions 2 to 6 of the package.
"""

import re
from collections.abc import Collection
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
_LIBRARY = "sentence_transformers."
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
_QUERY_PROMPTS = ("query", "web_search_query", "Retrieval-query", "retrieval.query", "s2p_query")
_PASSAGE_PROMPTS = (*("document", "passage", "corpus", "Retrieval-document", "retrieval.passage"),)

_OF_PASSAGES = re.compile("doc|passage|corpus|context", re.IGNORECASE)


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
        UsageError: a module is code of the repository.
    """
    path = folder / MODULES
    if not path.is_file():
        raise EncoderError(f"{folder} has no {MODULES}, so its pooling is unknown.")
    modules = read_json(path)
    if not isinstance(modules, list) or not all(
        isinstance(one, dict) and isinstance(one.get("type"), str) for one in modules
    ):
        raise EncoderError(f"{path}: expected a list of modules, each with 'type' and 'path'.")
    found = []
    for one in modules:
        place = str(one.get("path", ""))
        if not one["type"].startswith(_LIBRARY):
            raise UsageError(
                f"{path}: the module {one['type']} is code of the repository, which is not "
                "executed here, so its vectors cannot be had. Use a checkpoint whose modules are "
                "all of sentence-transformers."
            )
        if Path(place).is_absolute() or ".." in Path(place).parts:
            raise EncoderError(f"{path}: the path {place!r} leads out of the checkpoint's folder.")
        found.append(Module(one["type"].rsplit(".", 1)[-1], place))
    return found


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
    for key in ("processor_kwargs", "tokenizer_args"):
        if isinstance(settings.get(key), dict):
            _count(settings[key], "model_max_length", path)
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


def most_tokens(settings: dict[str, Any]) -> int | None:
    """Tokens of a text by ``sentence_bert_config.json``, ``None`` if it does not say."""
    for key in ("processor_kwargs", "tokenizer_args"):
        found = (settings.get(key) or {}).get("model_max_length")
        if found is not None:
            return int(found)
    length = settings.get("max_seq_length")
    return None if length is None else int(length)


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


def read_prompts(path: Path, settled: Collection[str] | None = None) -> Prompts:
    """Prompts of queries and of passages.

    Args:
        path: of ``config_sentence_transformers.json``.
        settled: ``"query_prefix"`` and ``"passage_prefix"``, where they are known from elsewhere;
            ``None`` where they cannot be given.

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
    if not isinstance(prompts, dict) or not all(
        isinstance(one, str | None) for one in prompts.values()
    ):
        raise EncoderError(f"{path}: 'prompts' must be an object of texts by name.")
    prompts = {name: text or "" for name, text in prompts.items()}
    if default is not None and default not in prompts:
        raise EncoderError(
            f"{path}: default_prompt_name is '{default}', which is no key of 'prompts'."
        )
    cure = "Add 'query' and 'document' to its 'prompts' ('' for none)"
    if settled is not None:
        cure += ", or give query_prefix=… and passage_prefix=… behind the encoder's name"
    query = next((name for name in _QUERY_PROMPTS if name in prompts), None)
    passage = next((name for name in _PASSAGE_PROMPTS if name in prompts), None)
    for side, name in (("query", query), ("passage", passage)):
        if name is None and f"{side}_prefix" not in (settled or ()):
            _require_none(side, prompts, default, (query, passage), f"{path}: ", cure)
    return Prompts(
        prompts.get(str(query), ""),
        prompts.get(str(passage), ""),
        similarity,
        _count(config, "truncate_dim", path),
        _count(config, "max_active_dims", path),
    )


def _require_none(
    side: str,
    prompts: dict[str, str],
    default: str | None,
    named: tuple[str | None, ...],
    place: str,
    cure: str,
) -> None:
    """Refuse to leave a side without prompt where the file may mean one for it."""
    if default is not None and prompts[default]:
        # encode() puts the default before every text, encode_query and encode_document do not.
        raise EncoderError(
            f"{place}default_prompt_name is '{default}', and no prompt has the name of a {side}; "
            f"the functions of sentence-transformers differ in what they put before it. {cure}."
        )
    others = [name for name, text in prompts.items() if text and name not in named]
    if side == "passage" and named[0] is not None:  # the others are other tasks of queries
        others = [name for name in others if _OF_PASSAGES.search(name)]
    if others:
        raise EncoderError(
            f"{place}it is not known which of the prompts ({', '.join(prompts)}) is for queries, "
            f"and which for passages. {cure}."
        )
