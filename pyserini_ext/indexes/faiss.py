"""Writing a FAISS flat index block by block, so that it need not fit into memory."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from llm_encoders.errors import EncoderError

_COUNT_AT = 8  # bytes; four letters and the dimension come before the number of vectors


def write_flat_index(path: Path, blocks: Iterable[np.ndarray], count: int, dimension: int) -> None:
    """Write an ``IndexFlatIP`` over ``count`` vectors.

    Args:
        path: of the file.
        blocks: float32 [n, dimension] each, ``count`` rows in all.
        count: number of vectors.
        dimension: of a vector.

    Raises:
        EncoderError: the blocks have another number of rows.
        OSError: the disk is full; nothing is left of the file.
    """
    header = _header(count, dimension)
    written = 0
    try:
        with path.open("wb") as stream:
            stream.write(header)
            for block in blocks:
                stream.write(np.ascontiguousarray(block, dtype="<f4").tobytes())
                written += len(block)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    if written != count:
        raise EncoderError(f"{path}: {written} vectors; expected {count}.")


def _header(count: int, dimension: int) -> bytes:
    """What stands before the vectors in FAISS's file of such an index.

    Taken from a file that FAISS itself writes, with the two numbers in it that depend on the
    number of vectors; two other files must come out right, or the format is not the known one.
    """
    template = _serialized(0, dimension)

    def header(number: int) -> bytes:
        start = template[:_COUNT_AT] + number.to_bytes(8, "little")
        return start + template[_COUNT_AT + 8 : -8] + (number * dimension).to_bytes(8, "little")

    for number in (1, 2):
        if header(number) + bytes(4 * number * dimension) != _serialized(number, dimension):
            raise EncoderError("This version of faiss has an unknown file format for flat indexes.")
    return header(count)


def _serialized(count: int, dimension: int) -> bytes:
    import faiss

    index: Any = faiss.IndexFlatIP(dimension)
    index.add(np.zeros((count, dimension), dtype=np.float32))
    return faiss.serialize_index(index).tobytes()
