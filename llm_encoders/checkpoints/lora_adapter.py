"""Putting a LoRA adapter on a model, whichever of bare decoder and language model it was made on.

The names and patterns of ``adapter_config.json`` count in the model that was adapted. Where the
encoder uses the other one, they are rewritten for it before PEFT sees them.
"""

import copy
import logging
import math
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from llm_encoders.checkpoints.lora_files import LoraFiles, read_lora
from llm_encoders.checkpoints.lora_merging import merge_ordinary_lora, untie
from llm_encoders.checkpoints.remote_code import close_kernels
from llm_encoders.errors import EncoderError


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Leave out what PEFT's import and wrappers say of things that concern no user."""
    close_kernels()
    # It imports bitsandbytes, which announces a CPU kernel that it could use but does not need.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        warnings.filterwarnings("ignore", ".*tie_word_embeddings", UserWarning)  # see `untie`
        yield


def apply_adapter(
    model: nn.Module,
    folder: Path,
    merge: bool = True,
    trainable: bool = False,
    layers: int | None = None,
) -> nn.Module:
    """Put the LoRA adapter of ``folder`` on a model, merged into its weights where asked.

    Works whichever of bare decoder and LM the adapter was trained on, and never imports the
    library that the adapter's ``auto_mapping`` may name. The result computes what PEFT's unmerged
    adapter computes.

    Args:
        model: the backbone, a Transformers model: bare decoder or with its LM head.
        folder: holds ``adapter_config.json`` and ``adapter_model.safetensors``.
        merge: add the low-rank product to the weights; leave it apart on quantised ones.
        trainable: leave it apart and let it be trained further.
        layers: how many layers the model has kept; the adapter's for others are left out.

    Returns:
        The model itself where merged, else a PEFT model around it.

    Raises:
        EncoderError: no safetensors file, not LoRA, a setting that is not supported, or tensors
            that do not fit the backbone.
    """
    files = read_lora(folder, layers)
    merge = merge and not trainable
    places = _places(model, files)
    if merge and merge_ordinary_lora(model, files, places):
        return model
    if not trainable:
        untie(model, {place for name, place in places.items() if name in files.modules})
    adapted = _with_peft(model, files, places, trainable)
    if merge:
        with quiet_peft():
            adapted = adapted.merge_and_unload()
    elif not trainable:
        _merge_head(model, files)
    result: nn.Module = adapted
    return result


def _merge_head(model: Any, files: LoraFiles) -> None:
    """Merge an LM head's adapter, for the sparse head uses the weight without the layer around."""
    head = model.get_output_embeddings()
    if not hasattr(head, "lora_A"):
        return
    if type(head.get_base_layer()) is not nn.Linear:
        raise EncoderError(
            f"{files.folder} adapts the LM head, which is quantised here; load it without "
            "quantization."
        )
    head.merge()


def _places(model: Any, files: LoraFiles) -> dict[str, str]:
    """The name in ``model`` of every module of the model that was adapted, by its name there."""
    wrapper, names = _decoder_names(model)
    prefixes = {
        name.removesuffix(longest)
        for name in files.modules
        if (longest := _longest_suffix(name, names)) is not None
    }
    head = _head_name(model)
    for name in files.modules:
        if head is not None and _ends_with(name, head):
            prefixes.add(name.removesuffix(head) + wrapper)
    if len(prefixes) != 1:
        raise _misfit(files, 0, len(files.modules), min(files.modules))
    (prefix,) = prefixes
    places = {prefix + name: wrapper + name for name in names}
    if head is not None and prefix.endswith(wrapper):
        places[prefix.removesuffix(wrapper) + head] = head
    return places


def _decoder_names(model: Any) -> tuple[str, list[str]]:
    """What stands before the names of the decoder's modules in ``model``, and those names."""
    decoder = model.base_model
    wrapper = "" if decoder is model else f"{model.base_model_prefix}."
    return wrapper, [name for name, _ in decoder.named_modules() if name]


def _head_name(model: Any) -> str | None:
    head = model.get_output_embeddings()
    return next((name for name, module in model.named_modules() if module is head), None)


def _ends_with(name: str, suffix: str) -> bool:
    return name == suffix or name.endswith(f".{suffix}")


def _longest_suffix(name: str, names: list[str]) -> str | None:
    return max((n for n in names if _ends_with(name, n)), key=len, default=None)


def _with_peft(model: nn.Module, files: LoraFiles, places: dict[str, str], trainable: bool) -> Any:
    """``model`` in a PEFT model that holds the adapter's tensors."""
    with quiet_peft():
        from peft import LoraConfig, PeftConfig, PeftModel
    try:
        config: Any = PeftConfig.from_pretrained(str(files.folder))
        assert isinstance(config, LoraConfig)
        config.auto_mapping = None
        config.task_type = None
        config.inference_mode = not trainable
        config.rank_pattern, config.alpha_pattern = (
            config.rank_pattern or {},
            config.alpha_pattern or {},
        )
        if config.target_modules == "all-linear":
            config.target_modules = sorted(files.modules)
        named = _scalings(config, places)
        _require_fit(files, set(named))
        wanted = {places[name]: value for name, value in named.items()}
        config = _for_names_of(config, [name for name, _ in model.named_modules()], wanted)
        with quiet_peft():
            adapted = PeftModel(model, config)
    except EncoderError:
        raise
    except Exception as error:  # PEFT raises a dozen classes
        reason = " ".join(str(error).split())
        raise EncoderError(
            f"Cannot load {files.folder}: {type(error).__name__}: {reason}"
        ) from error
    _fill(adapted, files, places)
    _check_scalings(adapted, wanted, files)
    return adapted


Scaling = tuple[int, float]
"""Rank and alpha of one module."""


def _scalings(config: Any, names: Iterable[str]) -> dict[str, Scaling]:
    """Rank and alpha of every module that a configuration chooses among these names."""
    from peft.tuners.tuners_utils import check_target_module_exists
    from peft.utils.other import get_pattern_key

    found = {}
    for name in names:
        if check_target_module_exists(config, name):
            rank = config.rank_pattern.get(get_pattern_key(config.rank_pattern, name), config.r)
            alpha = config.alpha_pattern.get(
                get_pattern_key(config.alpha_pattern, name), config.lora_alpha
            )
            found[name] = (rank, float(alpha))
    return found


def _for_names_of(config: Any, names: list[str], wanted: dict[str, Scaling]) -> Any:
    """The configuration, rewritten where it would choose other modules of this model."""
    if _scalings(config, names) == wanted:
        return config
    config = copy.deepcopy(config)
    config.target_modules = sorted(wanted)
    config.exclude_modules = config.layers_to_transform = config.layers_pattern = None
    config.rank_pattern = {n: rank for n, (rank, _) in wanted.items() if rank != config.r}
    config.alpha_pattern = {n: a for n, (_, a) in wanted.items() if a != config.lora_alpha}
    return config


def _require_fit(files: LoraFiles, named: set[str]) -> None:
    misfits = sorted(named ^ files.modules.keys())
    if misfits:
        absent, left = len(named - files.modules.keys()), len(files.modules.keys() - named)
        raise _misfit(files, absent, left, misfits[0])


def _misfit(files: LoraFiles, absent: int, left: int, example: str) -> EncoderError:
    return EncoderError(
        f"{files.weights_path} does not fit the backbone and {files.folder.name}/adapter_config"
        f".json: {absent} adapted modules absent, {left} left over, e.g. {example}. Is it the "
        "right backbone?"
    )


def _fill(adapted: Any, files: LoraFiles, places: dict[str, str]) -> None:
    """Copy the adapter's tensors into a PEFT model."""
    slots = {
        name.removeprefix("base_model.model.").replace(".default", "").removesuffix(".weight"): name
        for name in adapted.state_dict()
        if ".lora_" in name
    }
    tensors = {
        f"{places[name]}.{part}": tensor
        for name, parts in files.modules.items()
        for part, tensor in parts.items()
    }
    misfits = sorted(slots.keys() ^ tensors.keys())
    if misfits:
        raise EncoderError(
            f"{files.weights_path} does not fit the backbone: "
            f"{len(slots.keys() - tensors.keys())} LoRA tensors absent, "
            f"{len(tensors.keys() - slots.keys())} left over, e.g. {misfits[0]}. "
            "Is it the right backbone?"
        )
    try:
        adapted.load_state_dict({slots[k]: v for k, v in tensors.items()}, strict=False)
    except RuntimeError as error:
        detail = str(error).strip().splitlines()[-1].strip().rstrip(".")
        raise EncoderError(
            f"{files.weights_path} does not fit the backbone: {detail}. Is it the right backbone?"
        ) from None


def _check_scalings(adapted: Any, wanted: dict[str, Scaling], files: LoraFiles) -> None:
    """Refuse what PEFT, of another version perhaps, has understood in another way."""
    rooted = files.config.get("use_rslora")
    for name, (rank, alpha) in wanted.items():
        layer = adapted.get_submodule(f"base_model.model.{name}")
        scale = alpha / (math.sqrt(rank) if rooted else rank)
        if not math.isclose(layer.scaling["default"], scale):
            raise EncoderError(
                f"{files.folder}: PEFT scales {name} by {layer.scaling['default']:g}, and the "
                f"adapter's configuration by {scale:g}."
            )
