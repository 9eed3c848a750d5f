"""Merging LoRA adapters: W + B A alpha / r (arXiv 2106.09685).

The ordinary adapter is merged without PEFT, whose import would cost every command that loads an
encoder more than a second. Embeddings that share their weight with the LM head are untied first.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from llm_encoders.checkpoints.lora_files import LoraFiles

_OF_NO_EFFECT_IF: tuple[Any, ...] = (None, False, [], {})
_NOT_ORDINARY = (
    "exclude_modules",
    "layers_to_transform",
    "layers_pattern",
    "rank_pattern",
    "alpha_pattern",
    "use_dora",
    "fan_in_fan_out",
)


def untie(model: Any, adapted: set[str]) -> None:
    """Give the LM head a weight of its own where it shares that of the embeddings and one of the
    two is adapted: the low-rank product is meant for that one only.

    Args:
        model: a Transformers model; a bare decoder stays as it is.
        adapted: names of the modules that an adapter changes.
    """
    embeddings, head = model.get_input_embeddings(), model.get_output_embeddings()
    if head is None or head.weight is not embeddings.weight:
        return
    names = {name for name, module in model.named_modules() if module in (embeddings, head)}
    if names & adapted:
        head.weight = nn.Parameter(head.weight.detach().clone(), requires_grad=False)
        for config in (model.config, model.config.get_text_config()):
            config.tie_word_embeddings = False


@torch.no_grad()
def merge_ordinary_lora(model: Any, files: LoraFiles, places: dict[str, str]) -> bool:
    """Add the low-rank products of an adapter of linear layers to their weights.

    Args:
        model: the backbone, bare decoder or with its LM head; float weights.
        files: the adapter.
        places: the name in ``model`` of every module of the adapter.

    Returns:
        Whether it was done; if not, the model is as it was, and PEFT has to do or refuse it.
    """
    config = files.config
    targets, rank = config["target_modules"], config["r"]
    if not isinstance(targets, list) or any(
        config.get(key) not in _OF_NO_EFFECT_IF for key in _NOT_ORDINARY
    ):
        return False
    layers: dict[str, nn.Linear] = {}
    for name, place in places.items():
        if any(name == target or name.endswith(f".{target}") for target in targets):
            layer = model.get_submodule(place)
            if type(layer) is not nn.Linear:
                return False
            layers[name] = layer
    wanted = {
        name: {"lora_A": (rank, layer.in_features), "lora_B": (layer.out_features, rank)}
        for name, layer in layers.items()
    }
    found = {
        name: {part: tuple(tensor.shape) for part, tensor in parts.items()}
        for name, parts in files.modules.items()
    }
    if wanted != found:
        return False
    untie(model, {places[name] for name in layers})
    scale = config["lora_alpha"] / (math.sqrt(rank) if config.get("use_rslora") else rank)
    for name, layer in layers.items():
        weight: Tensor = layer.weight
        down, up = (
            files.modules[name][part].to(weight.device, torch.float32)
            for part in ("lora_A", "lora_B")
        )
        weight.copy_(weight.float() + up @ down * scale)
    return True
