"""Decoders in the layout of sentence-transformers: dense, and sparse with SpladePooling."""

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from llm_encoders.checkpoints.layouts.architecture import (
    attention_of,
    is_known_decoder,
    require_decoder,
)
from llm_encoders.checkpoints.layouts.derived import Derived, Findings
from llm_encoders.checkpoints.layouts.sentence_files import (
    MODULES,
    PROMPTS,
    SETTINGS,
    Module,
    Prompts,
    most_tokens,
    read_modules,
    read_pooling,
    read_prompts,
    read_settings,
    require_sentence,
)
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_object, read_record
from llm_encoders.sides import INSTRUCTION

NAME = "sentence-transformers"
_POOLINGS = {
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "weightedmean": "weighted-mean",
    "lasttoken": "last",
}
_BODIES = ("Transformer", "MLMTransformer")
_INSTRUCTED = re.compile(r"(?P<before>Instruct: )(?P<task>[^\n{}]+)(?P<after>\s*\n\s*Query: ?)")
_TITLED = {"title: none | text: ": "title: {title|none} | text: {text}"}
_NO_LIMIT = 1 << 20  # a tokenizer that knows none says 10^30


def claims(folder: Path) -> bool:
    """Whether it is a decoder with a ``modules.json``."""
    return (folder / MODULES).is_file() and is_known_decoder(read_record(folder / "config.json"))


def read(folder: Path, settled: Collection[str] = ()) -> Derived | None:
    """The contract of a model with a ``modules.json``.

    Args:
        folder: of the checkpoint.
        settled: keys that are known from elsewhere, so that the files need not settle them.

    Raises:
        UsageError: a module or a model that is not supported.
        EncoderError: a file that is damaged, or does not settle something.
    """
    if not (folder / MODULES).is_file():
        return None
    modules = read_modules(folder)
    kinds = [module.kind for module in modules]
    if not kinds or kinds[0] not in _BODIES or modules[0].folder not in ("", "."):
        place = modules[0].folder if modules else ""
        what = f"{kinds[0]} in the folder {place}" if place else kinds[0] if kinds else "absent"
        raise _not_supported(folder, modules, f"the first is {what}")
    if not (folder / "config.json").is_file():
        raise EncoderError(
            f"{folder} has a {MODULES}, but no config.json. Fetch the whole repository; if it is "
            "an adapter, write an encoder_config.json, or merge it into its backbone and save that."
        )
    model = read_object(folder / "config.json")
    require_decoder(model, str(folder))
    found = Findings()
    found.add("config.json", attention=attention_of(model, folder / "config.json"))
    if kinds[1:] == ["SpladePooling"]:
        _sparse(folder, modules[1], found)
    else:
        _dense(folder, modules, found)
    if kinds[0] == "MLMTransformer" and found.values["attention"] == "causal":
        _require_settled(
            folder / "config.json",
            "modules.json names an MLMTransformer, which no decoder of Transformers is, and no "
            "file says whether it attends in both directions",
            {"attention": "bidirectional"},
            settled,
        )
    _texts(folder, model, found, settled)
    return Derived(
        NAME, found.contract(folder), found.sources, assumed=_assumed(folder, modules, found)
    )


def _sparse(folder: Path, module: Module, found: Findings) -> None:
    path = folder / module.folder / "config.json"
    config = read_object(path)
    pooling = config.get("pooling_strategy", "max")
    activation = config.get("activation_function", "relu")
    if (pooling, activation) != ("max", "relu"):
        raise UsageError(
            f"{path}: the pooling {pooling} of {activation} is not supported; max of relu is."
        )
    found.add(f"{module.folder}/config.json", paradigm="sparse", logit_scale=1.0)


def _dense(folder: Path, modules: list[Module], found: Findings) -> None:
    kinds = [module.kind for module in modules]
    if kinds[1:2] != ["Pooling"]:
        raise _not_supported(folder, modules, "Pooling does not follow the model")
    dense = [module.folder for module in modules[2:] if module.kind == "Dense"]
    rest = kinds[2 + len(dense) :]
    if kinds[2 : 2 + len(dense)] != ["Dense"] * len(dense) or rest not in ([], ["Normalize"]):
        raise _not_supported(folder, modules, "Dense modules and then Normalize may follow Pooling")
    place = modules[1].folder
    modes, pool_prompt = read_pooling(folder / place / "config.json")
    unknown = [mode for mode in modes if mode not in _POOLINGS]
    if unknown or not modes:
        raise UsageError(
            f"{folder / place / 'config.json'}: the pooling {unknown[0] if unknown else 'absent'} "
            f"is not supported; {', '.join(_POOLINGS)} are."
        )
    if "weightedmean" in modes and not pool_prompt:
        raise UsageError(
            f"{folder / place / 'config.json'}: weightedmean without the prompt (include_prompt) "
            "counts the prompt's tokens in the weights, which no contract expresses."
        )
    for module in modules[2:]:
        require_sentence(folder / module.folder / "config.json")
    found.add(
        f"{place}/config.json",
        paradigm="dense",
        pooling="+".join(_POOLINGS[mode] for mode in modes),
        query_pool_prefix=pool_prompt,
        passage_pool_prefix=pool_prompt,
    )
    found.add(MODULES, normalize=rest == ["Normalize"], projections=tuple(dense))


def _texts(folder: Path, model: dict[str, Any], found: Findings, settled: Collection[str]) -> None:
    """Prompts, lengths and special tokens."""
    prompts, settings = read_prompts(folder / PROMPTS, settled), read_settings(folder)
    if settings.get("do_lower_case"):  # the whole is lower-cased, prompt and text
        found.add(SETTINGS, lowercase=True)
        prompts = replace(prompts, query=prompts.query.lower(), passage=prompts.passage.lower())
    if match := _INSTRUCTED.fullmatch(prompts.query):
        prefix = f"{match['before']}{INSTRUCTION}{match['after']}"
        found.add(PROMPTS, query_prefix=prefix, instruction=match["task"])
    else:
        found.add(PROMPTS, query_prefix=prompts.query)
    for side, prompt in (("query", prompts.query), ("passage", prompts.passage)):
        if found.values.get(f"{side}_pool_prefix") is False and prompt[-1:].isspace():
            raise UsageError(
                f"{folder / PROMPTS}: the prompt {prompt!r} ends with a blank and is not pooled "
                "(include_prompt). sentence-transformers then leaves the first word of the text "
                "out as well, which no contract expresses."
            )
    if prompts.passage in _TITLED:
        found.add(PROMPTS, passage_template=_TITLED[prompts.passage])
    else:
        found.add(PROMPTS, passage_prefix=prompts.passage)
    if found.values["paradigm"] == "dense":
        _vectors(folder, prompts, found)
    else:
        _weights(folder, prompts, found)
    tokenizer_file = "tokenizer_config.json"
    tokenizer = read_object(folder / tokenizer_file) if (folder / tokenizer_file).is_file() else {}
    length, source = most_tokens(settings), SETTINGS
    positions = model.get("max_position_embeddings")
    if length is not None and isinstance(positions, int) and 0 < positions < length:
        _require_settled(
            folder / SETTINGS,
            f"texts may have {length:,} tokens, but the model reads {positions:,} "
            "(max_position_embeddings of config.json)",
            {"query_max_length": positions, "passage_max_length": positions},
            settled,
        )
    if length is None:
        known = {
            tokenizer_file: tokenizer.get("model_max_length"),
            "config.json": positions,
        }
        limits = {k: int(v) for k, v in known.items() if isinstance(v, int | float) and v >= 1}
        limits = {k: v for k, v in limits.items() if v < _NO_LIMIT}
        if not limits:
            raise EncoderError(f"{folder}: no file says how many tokens a text may have.")
        source = min(limits, key=lambda file: limits[file])
        length = limits[source]
    found.add(source, query_max_length=length, passage_max_length=length)
    for side, key in (("query", "query_length"), ("passage", "document_length")):
        if settings.get(key) is not None:
            found.add(SETTINGS, **{f"{side}_max_length": settings[key]})
    if tokenizer.get("add_eos_token"):
        found.add(tokenizer_file, append_eos=True)


def _assumed(folder: Path, modules: list[Module], found: Findings) -> frozenset[str]:
    """Keys that no file has, so that a default of the package stands for them."""
    keys: set[str] = set()
    if not read_record(folder / PROMPTS).get("prompts"):
        keys |= {"query_prefix", "passage_prefix"}
    if found.values.get("normalize") is False:  # there is no module, but no word against it either
        keys.add("normalize")
    if "include_prompt" not in read_record(folder / modules[1].folder / "config.json"):
        keys |= {"query_pool_prefix", "passage_pool_prefix"}
    return frozenset(keys)


def _vectors(folder: Path, prompts: Prompts, found: Findings) -> None:
    """Normalisation and dimension, as the similarity takes them."""
    if prompts.dimension is not None:
        # Vectors are cut after Normalize; under the cosine, cutting first ranks in the same way.
        if found.values["normalize"] and prompts.similarity == "dot":
            raise UsageError(
                f"{folder / PROMPTS}: truncate_dim cuts normalised vectors that are compared by "
                "their dot product, which no contract expresses."
            )
        found.add(PROMPTS, dimension=prompts.dimension)
    if prompts.similarity == "cosine":
        found.add(PROMPTS, normalize=True)


def _weights(folder: Path, prompts: Prompts, found: Findings) -> None:
    """How many weights are kept, and how sparse vectors are compared."""
    if prompts.similarity == "cosine":
        raise UsageError(
            f"{folder / PROMPTS}: the similarity of sparse vectors is cosine; only their dot "
            "product is what an impact index computes."
        )
    if prompts.top_k is not None:
        found.add(PROMPTS, query_top_k=prompts.top_k, passage_top_k=prompts.top_k)


def _require_settled(
    file: Path, problem: str, values: dict[str, Any], settled: Collection[str]
) -> None:
    """Refuse what a file leaves open unless it is known from elsewhere."""
    if not settled or not set(values) <= set(settled):
        options = "".join(f",{key}={value}" for key, value in values.items())
        raise EncoderError(f"{file}: {problem}. Choose behind the encoder's name, as in {options}.")


def _not_supported(folder: Path, modules: list[Module], problem: str) -> UsageError:
    kinds = ", ".join(module.kind for module in modules) or "none"
    return UsageError(
        f"{folder / MODULES}: the modules are {kinds}; {problem}. Supported are a model with "
        "Pooling, Dense and Normalize, or with SpladePooling."
    )
