"""The two sides of what is measured: what encodes queries, and what encodes passages."""

import os
from typing import Any

from llm_encoders.checkpoints.comparison import differences
from llm_encoders.checkpoints.resolve import resolve_spec
from llm_encoders.checkpoints.two_sides import passage_identity, require_passages
from llm_encoders.encoding.loading import load_encoder
from llm_encoders.errors import EncoderError, UsageError


def load_sides(
    name: str, passage_encoder: str | None, device: str | None, dtype: str | None
) -> tuple[Any, Any]:
    """Load an encoder and, where it encodes queries only, its teacher.

    Args:
        name: of the encoder.
        passage_encoder: what encodes the passages of a query tower; ``None`` for the name by which
            its teacher was known when it was distilled.
        device: ``None`` for the best there is, with several processes a GPU each.
        dtype: of the computation; ``None`` for the device's.

    Returns:
        What encodes queries, and what encodes passages: the same object where it is one encoder.

    Raises:
        UsageError: a passage encoder for an encoder that needs none, or one that is not its
            teacher.
    """
    files, _ = resolve_spec(name)
    device = device or _own_gpu()
    if files.teacher is None:
        if passage_encoder is not None:
            raise UsageError(f"{name} encodes passages itself; leave --passage-encoder out.")
        encoder = load_encoder(name, device=device, dtype=dtype)
        return encoder, encoder
    chosen = passage_encoder or files.teacher.name
    try:
        teacher, _ = resolve_spec(chosen)
    except EncoderError as error:
        if passage_encoder is not None:
            raise
        raise UsageError(
            f"{name} encodes queries only, and its teacher cannot be loaded: {error} Say where it "
            "is by --passage-encoder."
        ) from None
    require_passages(teacher)
    contract, weights = passage_identity(teacher)
    if listed := differences(files.teacher.contract, contract, (f"the teacher of {name}", chosen)):
        raise UsageError(
            f"{name} was distilled from {files.teacher.name}, whose contract is another than that "
            f"of {chosen}: {listed}. Name its teacher by --passage-encoder."
        )
    if files.teacher.weights != weights:
        raise UsageError(
            f"{name} was distilled from {files.teacher.name}, which has other weights than "
            f"{chosen}. Name its teacher by --passage-encoder."
        )
    queries = load_encoder(name, device=device, dtype=dtype)
    return queries, load_encoder(chosen, device=device, dtype=dtype)


def _own_gpu() -> str | None:
    """The GPU of this process of several; ``None`` where there are none."""
    import torch

    if "LOCAL_RANK" not in os.environ or not torch.cuda.is_available():
        return None
    return f"cuda:{int(os.environ['LOCAL_RANK']) % torch.cuda.device_count()}"
