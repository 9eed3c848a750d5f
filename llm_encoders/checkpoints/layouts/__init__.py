"""What each publisher writes of how a checkpoint encodes, one layout a file."""

from pathlib import Path

from llm_encoders.checkpoints.layouts import lion, llm2vec, sentence_transformers
from llm_encoders.checkpoints.layouts.derived import Derived

_READERS = (lion.read, llm2vec.read, sentence_transformers.read)


def read_layout(folder: Path) -> Derived | None:
    """The contract that a checkpoint's files make, ``None`` if they are in no known layout.

    Raises:
        EncoderError: they are in a known one, but do not settle a contract.
    """
    return next((found for read in _READERS if (found := read(folder)) is not None), None)
