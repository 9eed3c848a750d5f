"""What an encoder's vectors depend on, for jobs that are resumed."""

import dataclasses
from typing import Any

from llm_encoders.checkpoints.fingerprint import checkpoint_fingerprints
from llm_encoders.checkpoints.resolve import resolve_spec
from llm_encoders.devices import choose_device, choose_dtype, dtype_name
from llm_encoders.spec import parse_spec


def encoder_fingerprint(name: str, device: str | None) -> dict[str, Any]:
    """Contract, number format and files of an encoder; loads no weights.

    Args:
        name: of the encoder, options in writing.
        device: where it computes; ``None`` for what the name says, or the best there is.

    Raises:
        UsageError: there is no such encoder.
    """
    files, _ = resolve_spec(name)
    _, written = parse_spec(name)
    chosen = choose_device(device if device is not None else written.get("device"))
    return {
        "name": name,
        "contract": dataclasses.asdict(files.contract),
        "dtype": dtype_name(choose_dtype(written.get("dtype"), chosen)),
        "files": checkpoint_fingerprints(files),
    }
