"""An adapter by PEFT, for what is not merged by itself.

The names and patterns of ``adapter_config.json`` count in the model that was adapted. Where the
encoder uses the other one of bare decoder and language model, they are rewritten for it before
PEFT sees them.
"""

import copy
import logging
import math
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from llm_encoders.checkpoints.lora_files import LoraFiles
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


def with_peft(model: nn.Module, files: LoraFiles, places: dict[str, str], trainable: bool) -> Any:
    """Put a model into a PEFT model that holds an adapter's tensors.

    Args:
        model: the backbone, a Transformers model: bare decoder or with its LM head.
        files: the adapter.
        places: the name in ``model`` of every module of the model that was adapted.
        trainable: whether the adapter is to be trained further.

    Raises:
        EncoderError: tensors and configuration do not fit each other or the backbone, or PEFT
            understands the configuration in another way.
    """
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
        raise misfit(files, absent, left, misfits[0])


def misfit(files: LoraFiles, absent: int, left: int, example: str) -> EncoderError:
    """The error for adapted modules that the backbone lacks, and those that are left over."""
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
