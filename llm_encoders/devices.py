"""Choice of device and number format when the user names none."""

import sys

import torch

from llm_encoders.errors import UsageError

DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}


def choose_device(device: str | torch.device | None) -> torch.device:
    """The device asked for, else the first GPU, else Apple's GPU, else the CPU.

    Raises:
        UsageError: the device asked for does not exist on this machine.
    """
    if device is None:
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        chosen = None
    if chosen is None or chosen.type not in ("cpu", "cuda", "mps"):
        raise UsageError(f"Unknown device '{device}'; use cpu, cuda, cuda:N or mps.")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"Device '{device}' does not exist: PyTorch sees {torch.cuda.device_count()} GPUs. "
            "Use cpu, or leave the device out to have it chosen."
        )
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("Device 'mps' does not exist on this machine.")
    return chosen


def or_cpu(device: str | None) -> str | None:
    """The device asked for, but with a warning the CPU where it is a GPU and there is none at all.

    Pyserini's commands do the same, so that a command copied from a guide runs on a laptop.
    """
    if device is not None and device.startswith("cuda") and not torch.cuda.is_available():
        print(f"warning: no GPU, so {device} is replaced by the CPU.", file=sys.stderr)
        return "cpu"
    return device


def dtype_name(dtype: torch.dtype) -> str:
    """The name of a dtype as options have it, such as ``float32``."""
    return str(dtype).removeprefix("torch.")


def choose_dtype(dtype: str | torch.dtype | None, device: torch.device) -> torch.dtype:
    """The dtype asked for, else bfloat16 or float16 on a GPU (whichever it has), else float32."""
    if isinstance(dtype, torch.dtype):
        return dtype
    if dtype is not None:
        if dtype not in DTYPES:
            raise UsageError(f"Unknown dtype '{dtype}'; use one of {', '.join(DTYPES)}.")
        return DTYPES[dtype]
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
