"""Merging the ordinary LoRA adapter without PEFT, whose import would cost every command that loads
an encoder more than a second. What is out of the ordinary is left to PEFT, errors included."""

import json
import math
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

WEIGHTS_NAME = "adapter_model.safetensors"
_CONFIG_NAME = "adapter_config.json"
# PEFT wraps the model it was given, so a tensor of the decoder is named base_model.model.layers…
# when the bare decoder was wrapped and base_model.model.model.layers… when the model with its LM
# head was. What follows these prefixes is the name within the decoder.
_WRAPPERS = re.compile(r"^(?:base_model\.|model\.)+")
# Keys that do not change what is merged, or that are read here.
_READ = {"peft_type", "r", "lora_alpha", "use_rslora", "target_modules", "init_lora_weights"}
_WITHOUT_EFFECT = {
    *("auto_mapping", "base_model_name_or_path", "inference_mode"),
    *("lora_dropout", "peft_version", "revision", "task_type", "qalora_group_size"),
    *("arrow_config", "corda_config", "eva_config", "loftq_config", "layers_pattern"),
    *("megatron_config", "megatron_core", "ensure_weight_tying", "runtime_config"),
}
_OF_NO_EFFECT_IF = (None, False, "none", [], {})


def plain_name(name: str) -> str:
    """Name within the decoder, without wrappers, adapter name and the trailing ``.weight``."""
    return _WRAPPERS.sub("", name).replace(".default", "").removesuffix(".weight")


@torch.no_grad()
def merge_plain_lora(model: nn.Module, folder: Path) -> bool:
    """Add the low-rank products of an adapter to the weights: W + B A alpha / r (arXiv 2106.09685).

    Args:
        model: the backbone, bare decoder or with its LM head; float weights.
        folder: of the adapter.

    Returns:
        Whether it was done; if not, the model is as it was, and PEFT has to judge.
    """
    try:
        config = json.loads((folder / _CONFIG_NAME).read_text(encoding="utf-8"))
        saved = load_file(folder / WEIGHTS_NAME) if _is_plain(config) else None
    except (OSError, ValueError, SafetensorError):
        return False
    if saved is None:
        return False
    tensors = {plain_name(name): value for name, value in saved.items()}
    layers = _layers(model, config["target_modules"])
    wanted = {
        f"{name}.lora_{side}": (config["r"], layer.in_features)
        if side == "A"
        else (layer.out_features, config["r"])
        for name, layer in layers.items()
        for side in "AB"
    }
    if not wanted or {name: tuple(value.shape) for name, value in tensors.items()} != wanted:
        return False
    rank = config["r"]
    scale = config["lora_alpha"] / (math.sqrt(rank) if config.get("use_rslora") else rank)
    for name, layer in layers.items():
        weight: Tensor = layer.weight
        down, up = (
            tensors[f"{name}.lora_{side}"].to(weight.device, torch.float32) for side in "AB"
        )
        weight.copy_(weight.float() + up @ down * scale)
    return True


def _is_plain(config: Any) -> bool:
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        return False
    targets, rank, alpha = (config.get(k) for k in ("target_modules", "r", "lora_alpha"))
    if not isinstance(targets, list) or not all(isinstance(target, str) for target in targets):
        return False
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float):
        return False
    if config.get("init_lora_weights", True) not in (True, False, "gaussian"):
        return False  # the others change the weights of the backbone, too
    others = config.keys() - _READ - _WITHOUT_EFFECT
    return all(config[key] in _OF_NO_EFFECT_IF for key in others)


def _layers(model: nn.Module, targets: list[str]) -> dict[str, nn.Linear]:
    """Linear layers that the adapter names; none if it names anything else."""
    found: dict[str, nn.Linear] = {}
    for name, module in model.named_modules():
        if any(name == target or name.endswith(f".{target}") for target in targets):
            if type(module) is not nn.Linear:
                return {}
            found[plain_name(name)] = module
    return found
