"""Weights of a whole model as files: which are read, and which tensors must not be left over."""

from pathlib import Path
from typing import Any

from safetensors import safe_open

from llm_encoders.errors import EncoderError

_SAFETENSORS = "*.safetensors"
_PYTORCH = "pytorch_model*.bin"


def weights_options(folder: Path) -> dict[str, bool]:
    """How Transformers is to read the weights of a folder: safetensors, else what PyTorch saved,
    of which it takes tensors and no pickled code."""
    pytorch_only = not any(folder.glob(_SAFETENSORS)) and any(folder.glob(_PYTORCH))
    return {"use_safetensors": not pytorch_only, "weights_only": True}


def damaged_weights(folder: Path) -> Path | None:
    """The first safetensors file of a folder whose header cannot be read, if any."""
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, "pt"):
                pass
        except Exception:  # safetensors raises half a dozen classes
            return path
    return None


def check_report(report: dict[str, Any], model: Any, folder: Path, paradigm: str) -> None:
    """Refuse weights that are missing, and those of the model's layers that it has not taken.

    Heads for other tasks, and layers that the configuration leaves out, may be left over.

    Args:
        report: by Transformers, of tensors by name.
        model: what was loaded.
        folder: of the weights, for errors.
        paradigm: what the model is for, for errors.

    Raises:
        EncoderError: a tensor is missing; one of an adapter was never merged; one is left over of
            a layer that has others, such as a bias that the configuration switches off.
    """
    unused = sorted(report["unexpected_keys"])
    if missing := sorted(report["missing_keys"]):
        others = f" They hold {unused[0]} and the like; save the model again." if unused else ""
        raise EncoderError(
            f"{folder} lacks weights that a {paradigm} encoder needs: {', '.join(missing[:3])}."
            f"{others}"
        )
    layers = {name for name, layer in model.named_modules() if layer._parameters}
    for name in unused:
        if ".lora_" in name or ".base_layer." in name:
            raise EncoderError(
                f"{folder}: its weights hold an adapter that is not merged ({name}), which would "
                "be left out. Merge it by PEFT (merge_and_unload) and save the model."
            )
        layer, _, part = name.removeprefix("model.").rpartition(".")
        if part in ("weight", "bias") and layers & {layer, f"model.{layer}"}:
            raise EncoderError(
                f"{folder}: its weights hold {name}, which config.json has no place for, so it "
                "would be left out. Use the config.json that belongs to the weights."
            )
