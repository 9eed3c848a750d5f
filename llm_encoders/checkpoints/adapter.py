"""LoRA adapters: read whatever layout they were saved in, put them on a model, merge them."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from llm_encoders.checkpoints.plain_lora import WEIGHTS_NAME, merge_plain_lora, plain_name
from llm_encoders.errors import EncoderError


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Leave out what PEFT's import and wrappers say of things that concern no user."""
    # It imports bitsandbytes, which announces a CPU kernel that it could use but does not need.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        yield


def apply_adapter(
    model: nn.Module, folder: Path, merge: bool = True, trainable: bool = False
) -> nn.Module:
    """Put the LoRA adapter of ``folder`` on a model, merged into its weights where asked.

    Works whichever of bare decoder and LM the adapter was trained on, and never imports the
    library that the adapter's ``auto_mapping`` may name.

    Args:
        model: the backbone, bare decoder or with its LM head.
        folder: holds ``adapter_config.json`` and ``adapter_model.safetensors``.
        merge: add the low-rank product to the weights; leave it apart on quantised ones.
        trainable: leave it apart and let it be trained further.

    Raises:
        EncoderError: no safetensors file, not LoRA, or tensors that do not fit the backbone.
    """
    weights_path = folder / WEIGHTS_NAME
    if merge and not trainable and merge_plain_lora(model, folder):
        return model
    with quiet_peft():
        from peft import LoraConfig, PeftConfig, PeftModel

    if not weights_path.is_file():
        raise EncoderError(
            f"{folder} lacks {WEIGHTS_NAME}; pickled adapters (.bin) are not read: convert them "
            "with peft's save_pretrained(..., safe_serialization=True)."
        )
    try:
        config = PeftConfig.from_pretrained(str(folder))
        if not isinstance(config, LoraConfig):
            raise EncoderError(f"{folder} is a {config.peft_type} adapter; only LoRA is supported.")
        config.auto_mapping = None
        config.task_type = None
        config.inference_mode = not trainable
        with quiet_peft():
            peft_model = PeftModel(model, config)
        saved = load_file(weights_path)
    except EncoderError:
        raise
    except Exception as error:  # PEFT and safetensors raise a dozen classes
        reason = " ".join(str(error).split())
        raise EncoderError(f"Cannot load {folder}: {type(error).__name__}: {reason}") from error
    if whole := [name for name in saved if "lora_" not in name]:
        raise EncoderError(
            f"{weights_path} holds full weights besides LoRA ones, e.g. {whole[0]}, which is not "
            "supported; merge them into the backbone and save that."
        )
    slots = {plain_name(name): name for name in peft_model.state_dict() if ".lora_" in name}
    tensors = {plain_name(name): value for name, value in saved.items()}
    misfits = sorted(slots.keys() ^ tensors.keys())
    if misfits:
        raise EncoderError(
            f"{weights_path} does not fit the backbone: {len(slots.keys() - tensors.keys())} LoRA "
            f"tensors absent, {len(tensors.keys() - slots.keys())} left over, e.g. {misfits[0]}. "
            "Is it the right backbone?"
        )
    try:
        peft_model.load_state_dict({slots[k]: v for k, v in tensors.items()}, strict=False)
    except RuntimeError as error:
        detail = str(error).strip().splitlines()[-1].strip()
        raise EncoderError(f"{weights_path} does not fit the backbone: {detail}") from None
    return peft_model.merge_and_unload() if merge and not trainable else peft_model
