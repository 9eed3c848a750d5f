"""Putting a LoRA adapter on a model, whichever of bare decoder and language model it was made on.

An ordinary adapter is merged without PEFT (:mod:`llm_encoders.checkpoints.lora_merging`), any other
by it (:mod:`llm_encoders.checkpoints.lora_peft`).
"""

import logging
from pathlib import Path
from typing import Any

from torch import nn

from llm_encoders.checkpoints.lora_files import LoraFiles, read_lora
from llm_encoders.checkpoints.lora_merging import merge_ordinary_lora, untie
from llm_encoders.checkpoints.lora_peft import misfit, quiet_peft, with_peft
from llm_encoders.errors import EncoderError

_log = logging.getLogger(__name__)


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
        folder: holds ``adapter_config.json`` and the weights.
        merge: add the low-rank product to the weights; leave it apart on quantised ones.
        trainable: leave it apart and let it be trained further.
        layers: how many layers the model has kept; the adapter's for others are left out.

    Returns:
        The model itself where merged, else a PEFT model around it.

    Raises:
        EncoderError: no weights, not LoRA, a setting that is not supported, or tensors
            that do not fit the backbone.
    """
    files = read_lora(folder, layers)
    merge = merge and not trainable
    if not trainable and layers is None and files.changes_nothing:
        _log.warning(
            "%s: every lora_B is zero, so the adapter changes nothing. It was not trained, or its "
            "weights were lost when it was saved.",
            files.weights_path,
        )
    places = _places(model, files)
    if merge and merge_ordinary_lora(model, files, places):
        return model
    if not trainable:
        untie(model, {place for name, place in places.items() if name in files.modules})
    adapted = with_peft(model, files, places, trainable)
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
        raise misfit(files, 0, len(files.modules), min(files.modules))
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
