"""Decoders in the layout of sentence-transformers: dense, and sparse with SpladePooling."""

from collections.abc import Collection
from pathlib import Path

from llm_encoders.checkpoints.layouts.architecture import (
    attention_of,
    is_known_decoder,
    require_decoder,
)
from llm_encoders.checkpoints.layouts.derived import Derived, SourcedValues
from llm_encoders.checkpoints.layouts.sentence_files import (
    MODULES,
    PROMPTS,
    Module,
    read_modules,
    read_pooling,
    require_sentence,
)
from llm_encoders.checkpoints.layouts.sentence_settings import read_settings, task_of
from llm_encoders.checkpoints.layouts.sentence_texts import add_texts, require_settled
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_object, read_record

NAME = "sentence-transformers"
_POOLINGS = {
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "weightedmean": "weighted-mean",
    "lasttoken": "last",
}
_BODIES = ("Transformer", "MLMTransformer")


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
    found = SourcedValues()
    found.add("config.json", attention=attention_of(model, folder / "config.json"))
    logits = kinds[0] == "MLMTransformer" or task_of(read_settings(folder)) == "fill-mask"
    sparse = kinds[1:] == ["SpladePooling"]
    if sparse != logits:
        what = "the logits of the vocabulary" if logits else "the last states, not the logits"
        raise _not_supported(folder, modules, f"the first gives {what}")
    if sparse:
        _sparse(folder, modules[1], found)
    else:
        _dense(folder, modules, found)
    if logits and found.values["attention"] == "causal":
        require_settled(
            folder / "config.json",
            "the logits are those of a masked language model, which no decoder of Transformers "
            "is, and no file says whether it attends in both directions",
            {"attention": "bidirectional"},
            settled,
        )
    add_texts(folder, model, found, settled)
    return Derived(
        NAME, found.contract(folder), found.sources, assumed=_assumed(folder, modules, found)
    )


def _sparse(folder: Path, module: Module, found: SourcedValues) -> None:
    path = folder / module.folder / "config.json"
    config = read_object(path)
    pooling = config.get("pooling_strategy", "max")
    activation = config.get("activation_function", "relu")
    if (pooling, activation) != ("max", "relu"):
        raise UsageError(
            f"{path}: the pooling {pooling} of {activation} is not supported; max of relu is."
        )
    found.add(f"{module.folder}/config.json", paradigm="sparse", logit_scale=1.0)


def _dense(folder: Path, modules: list[Module], found: SourcedValues) -> None:
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


def _assumed(folder: Path, modules: list[Module], found: SourcedValues) -> frozenset[str]:
    """Keys that no file has, so that a default of the package stands for them."""
    keys: set[str] = set()
    if not read_record(folder / PROMPTS).get("prompts"):
        keys |= {"query_prefix", "passage_prefix"}
    if found.values.get("normalize") is False:  # there is no module, but no word against it either
        keys.add("normalize")
    if "include_prompt" not in read_record(folder / modules[1].folder / "config.json"):
        keys |= {"query_pool_prefix", "passage_pool_prefix"}
    return frozenset(keys)


def _not_supported(folder: Path, modules: list[Module], problem: str) -> UsageError:
    kinds = ", ".join(module.kind for module in modules) or "none"
    return UsageError(
        f"{folder / MODULES}: the modules are {kinds}; {problem}. Supported are a model with "
        "Pooling, Dense and Normalize, or with SpladePooling."
    )
