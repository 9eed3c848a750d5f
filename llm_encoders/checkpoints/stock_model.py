"""Loading a model as its publisher made it: its own architecture, all its weights, no code but
Transformers'."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from llm_encoders.checkpoints.remote_code import keep_remote_code_out
from llm_encoders.checkpoints.weight_files import weights_options
from llm_encoders.devices import choose_dtype
from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_object

_SHOWN = 3


def load_stock_model(
    auto_class: str,
    folder: Path,
    device: torch.device,
    dtype: str,
    *,
    gives: str,
    cure: str,
    unused: tuple[str, ...] = (),
) -> Any:
    """Load a model for inference.

    Args:
        auto_class: of Transformers, for instance ``AutoModelForSequenceClassification``.
        folder: with ``config.json`` and weights, in safetensors where there are any.
        device: where it computes.
        dtype: its number format by name.
        gives: what comes out of it, a plural, for errors.
        cure: what to do where weights are absent, a sentence.
        unused: beginnings of the names of weights that are not needed and may be absent.

    Raises:
        EncoderError: weights are absent, so that they would be random, or the model needs code
            that is not part of Transformers.
    """
    import transformers

    keep_remote_code_out(folder)
    _refuse_own_code(folder, auto_class, gives)
    with _quiet():
        model, report = getattr(transformers, auto_class).from_pretrained(
            folder,
            dtype=choose_dtype(dtype, device),
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            **weights_options(folder),
        )
    absent = sorted(
        name for name in report["missing_keys"] if not name.startswith(unused or ("\0",))
    )
    if absent or report["mismatched_keys"]:
        names = absent or sorted(str(one[0]) for one in report["mismatched_keys"])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        fault = "lacks weights" if absent else "has weights of another shape"
        raise EncoderError(
            f"{folder} {fault} ({', '.join(names[:_SHOWN])}{more}), so its {gives} would be "
            f"random. {cure}"
        )
    return model.to(device).eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Transformers' own bar and report: what matters of it is an error here."""
    from transformers.utils import logging

    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _refuse_own_code(folder: Path, auto_class: str, gives: str) -> None:
    """Refuse a model that needs code of its repository, which is never run.

    Transformers would take its stock code for it, and what comes out would be something else.
    """
    own = read_object(folder / "config.json").get("auto_map")
    if isinstance(own, dict) and {auto_class, "AutoModel"} & own.keys():
        raise EncoderError(
            f"{folder}/config.json names code of its own (auto_map), which is not run; without it "
            f"the {gives} would not be the model's. Choose a model that Transformers has."
        )
