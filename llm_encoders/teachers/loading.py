"""Loading a teacher's model."""

from pathlib import Path
from typing import Any

import torch

from llm_encoders.checkpoints.stock_model import load_stock_model


def load_model(
    auto_class: str,
    folder: Path,
    device: torch.device,
    dtype: str,
    unused: tuple[str, ...] = (),
) -> Any:
    """Load a teacher for inference; see :func:`load_stock_model`."""
    return load_stock_model(
        auto_class,
        folder,
        device,
        dtype,
        gives="scores",
        cure="It may be of another kind: give the right --kind, or another model.",
        unused=unused,
    )
