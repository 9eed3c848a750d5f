"""Modules and prompts in the files of sentence-transformers, with their names in errors.

``modules.json`` names the modules in order, each with a folder and its ``config.json``;
``config_sentence_transformers.json`` holds prompts and similarity. Written by versions 2 to 6 of
the package.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from llm_encoders.checkpoints.layouts.sentence_settings import read_count
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_json, read_object

MODULES = "modules.json"
PROMPTS = "config_sentence_transformers.json"
_FLAGS = {  # in the order in which several are concatenated
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_LIBRARY = "sentence_transformers."
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
    pooled = config.get("include_prompt", True)
    if not isinstance(pooled, bool):
        raise EncoderError(f"{path}: include_prompt is {pooled!r}; expected true or false.")
    return [str(mode) for mode in modes], pooled


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
        read_count(config, "truncate_dim", path),
        read_count(config, "max_active_dims", path),
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
