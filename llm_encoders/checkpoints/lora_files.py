"""The files of a LoRA adapter: every key of its configuration is honoured or refused."""

import math
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any, TypeGuard

import torch
from safetensors.torch import load_file
from torch import Tensor

from llm_encoders.checkpoints.layouts.adapters import ADAPTER_CONFIG, WEIGHTS_NAMES
from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_object

# A tensor's name: PEFT's wrappers, the module in the model that was adapted, the part.
_TENSOR = re.compile(
    r"(?:base_model\.model\.)?(?P<module>.+?)\."
    r"(?P<part>lora_(?:A|B|embedding_A|embedding_B|magnitude_vector))(?:\.default)?(?:\.weight)?"
)
_LAYER = re.compile(r"(?:^|\.)layers\.(\d+)\.")
_EMPTY: tuple[Any, ...] = (None, False, "none", [], {}, "")
_LARGEST_RANK = 1 << 20


@dataclass(frozen=True)
class LoraFiles:
    """What an adapter's folder holds, checked."""

    folder: Path
    config: dict[str, Any]
    """``adapter_config.json``."""
    modules: dict[str, dict[str, Tensor]]
    """By name of the module in the model that was adapted: its tensors by part (``lora_A``)."""
    weights_path: Path
    """Where the tensors are, for errors."""

    @property
    def changes_nothing(self) -> bool:
        """Whether every low-rank product is zero, as before training."""
        last = ("lora_B", "lora_embedding_B")
        parts = [parts[key] for parts in self.modules.values() for key in last if key in parts]
        return "lora_magnitude_vector" not in self._parts and not any(map(torch.any, parts))

    @property
    def _parts(self) -> set[str]:
        return {part for parts in self.modules.values() for part in parts}


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _rank(value: object) -> bool:
    return _integer(value) and 1 <= value <= _LARGEST_RANK


def _number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return _integer(value) and abs(value) < 1 << 53


def _regular_expression(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _names(value: object) -> bool:
    return _texts(value) or _regular_expression(value)


def _pattern_of(check: Callable[[object], bool]) -> Callable[[object], bool]:
    def valid(value: object) -> bool:
        return isinstance(value, dict) and all(
            _regular_expression(key) and check(entry) for key, entry in value.items()
        )

    return valid


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _layers(value: object) -> bool:
    return _integer(value) or (isinstance(value, list) and all(map(_integer, value)))


# Keys that change the weights and are honoured: what they must be, and a check of it.
_HONOURED: dict[str, tuple[str, Callable[[object], bool]]] = {
    "r": ("a whole number of at least 1", _rank),
    "lora_alpha": ("a number", _number),
    "target_modules": ("a list of names or a regular expression", _names),
    "exclude_modules": ("a list of names or a regular expression", _names),
    "layers_to_transform": ("a layer's number or a list of them", _layers),
    "layers_pattern": ("a name or a list of names", _names),
    "rank_pattern": ("an object of ranks by name", _pattern_of(_rank)),
    "alpha_pattern": ("an object of numbers by name", _pattern_of(_number)),
    "use_rslora": ("true or false", _flag),
    "use_dora": ("true or false", _flag),
    "fan_in_fan_out": ("true or false", _flag),
    "lora_dropout": ("a number", _number),
}
_REQUIRED = ("r", "lora_alpha", "target_modules")
_WITHOUT_EFFECT = {
    "peft_type",
    "auto_mapping",
    "base_model_name_or_path",
    "revision",
    "inference_mode",
    "peft_version",
    "task_type",
    "runtime_config",
    "init_lora_weights",
    "ensure_weight_tying",
    # of initialisation only
    "corda_config",
    "eva_config",
    "loftq_config",
    "lora_ga_config",
    # of no effect without what is refused
    "megatron_core",
    "qalora_group_size",
}
# Initial values that leave the backbone's weights as they are.
_PLAIN_INITIALISATIONS = (True, False, None, "gaussian", "eva", "orthogonal")


def read_lora(folder: Path, layers: int | None = None) -> LoraFiles:
    """Read an adapter, or what it has for the first ``layers`` layers.

    Raises:
        EncoderError: no weights, not LoRA, a key that is wrong or that would change the
            vectors and is not supported, or full weights besides the low-rank ones.
    """
    config = read_object(folder / ADAPTER_CONFIG)
    _check_config(config, folder / ADAPTER_CONFIG)
    path, saved = _read_tensors(folder)
    modules: dict[str, dict[str, Tensor]] = {}
    for name, tensor in saved.items():
        match = _TENSOR.fullmatch(name)
        if match is None:
            raise EncoderError(
                f"{path} holds full weights besides LoRA ones, e.g. {name}, which is not "
                "supported; merge them into the backbone and save that."
            )
        layer = _LAYER.search(match["module"])
        if layers is None or layer is None or int(layer[1]) < layers:
            modules.setdefault(match["module"], {})[match["part"]] = tensor
    if not modules:
        raise EncoderError(f"{path} holds no tensors.")
    embeds = any("lora_embedding_A" in parts for parts in modules.values())
    if config.get("ensure_weight_tying") and embeds:
        raise EncoderError(
            f"{folder / ADAPTER_CONFIG}: ensure_weight_tying with an adapted embedding is not "
            "supported; merge the adapter into the backbone by PEFT and save that."
        )
    return LoraFiles(folder, config, modules, path)


def _read_tensors(folder: Path) -> tuple[Path, dict[str, Tensor]]:
    """The weights file and its tensors: safetensors, else what PyTorch saved before those."""
    path = next((folder / n for n in WEIGHTS_NAMES if (folder / n).is_file()), None)
    if path is None:
        raise EncoderError(
            f"{folder} lacks {' and '.join(WEIGHTS_NAMES)}; fetch the whole repository."
        )
    try:
        if path.suffix == ".safetensors":
            return path, load_file(path)
        saved = torch.load(path, map_location="cpu", weights_only=True)  # tensors, no pickled code
    except pickle.UnpicklingError:
        raise EncoderError(
            f"{path} is damaged or holds more than tensors, which is not read: a pickle can run "
            "code. Ask its publisher for safetensors."
        ) from None
    except Exception as error:  # safetensors and PyTorch raise half a dozen classes
        reason = shorten(" ".join(str(error).split()), 200, placeholder=" …")
        raise EncoderError(f"Cannot load {path}: {type(error).__name__}: {reason}") from None
    if not isinstance(saved, dict) or not all(isinstance(t, Tensor) for t in saved.values()):
        raise EncoderError(f"{path} holds something else than tensors by name.")
    return path, saved


def _check_config(config: dict[str, Any], path: Path) -> None:
    if config.get("peft_type") != "LORA":
        raise EncoderError(
            f"{path}: peft_type is {_shown(config.get('peft_type'))}; only LoRA is supported. "
            "If PEFT can merge the adapter (merge_and_unload), save the merged model and load that."
        )
    for key in _REQUIRED:
        if config.get(key) is None:
            raise EncoderError(f"{path}: '{key}' is missing.")
    for key, value in config.items():
        if key in _HONOURED:
            expected, valid = _HONOURED[key]
            if value is not None and not valid(value):
                raise EncoderError(f"{path}: {key} is {_shown(value)}; expected {expected}.")
        elif key not in _WITHOUT_EFFECT and value not in _EMPTY:
            raise EncoderError(
                f"{path}: {key} is {_shown(value)}, which changes the vectors and is not "
                "supported; merge the adapter into the backbone by PEFT and save that."
            )
    start = config.get("init_lora_weights")
    if not any(start is plain or start == plain for plain in _PLAIN_INITIALISATIONS):
        raise EncoderError(
            f"{path}: init_lora_weights is {_shown(start)}, which changes the backbone's weights "
            "as well; convert the adapter to an ordinary one, as PEFT's page on LoRA describes "
            "(save_pretrained with path_initial_model_for_weight_conversion)."
        )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
