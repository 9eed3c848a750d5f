"""What each publisher writes of how a checkpoint encodes, one layout a file."""

from collections.abc import Collection
from pathlib import Path

from llm_encoders.checkpoints.layouts import lion, llm2vec, sentence_transformers
from llm_encoders.checkpoints.layouts.derived import Derived


def is_recognised(folder: Path) -> bool:
    """Whether the files are in a known layout and of a decoder; they may not settle a contract.

    Models like BERT may lie in the layout of sentence-transformers as well.
    """
    return any(layout.claims(folder) for layout in (lion, llm2vec, sentence_transformers))


def read_layout(folder: Path, settled: Collection[str] = ()) -> Derived | None:
    """The contract that a checkpoint's files make, ``None`` if they are in no known layout.

    Args:
        folder: of the checkpoint.
        settled: keys that are known from elsewhere, so that the files need not settle them.

    Raises:
        EncoderError: they are in a known one, but do not settle a contract.
    """
    found = lion.read(folder) or llm2vec.read(folder)
    return found or sentence_transformers.read(folder, settled)
