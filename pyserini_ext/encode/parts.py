"""Parts of the output: which documents each holds, and its file in either format."""

import hashlib
import io
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csr_array, vstack

from llm_encoders.corpora import Document
from llm_encoders.jobs.atomic import naming, temporary_name, write_atomically


@dataclass(frozen=True)
class Part:
    """Documents ``start`` to ``stop`` of the corpus, by their number among the good ones."""

    number: int
    start: int
    stop: int


def plan(start: int, stop: int, size: int) -> list[Part]:
    """Cut a shard into parts at the multiples of ``size`` in the whole corpus."""
    parts = []
    while start < stop:
        number = start // size
        end = min((number + 1) * size, stop)
        parts.append(Part(number, start, end))
        start = end
    return parts


def part_name(number: int, part_format: str) -> str:
    """File name of a part; names sort in the order of the corpus."""
    stem = "embeddings" if part_format == "jsonl" else "part"
    return f"{stem}.{number:05d}.{part_format}"


class PartFile(Protocol):
    """Takes windows of documents with their vectors; the file appears when it is whole."""

    path: Path

    def add(self, documents: list[Document], vectors: Any) -> None:
        """Append documents: impacts as int32 csr_array or float32 [documents, dimension]."""
        ...

    def finish(self) -> str:
        """Put the file in place; returns its SHA-256."""
        ...

    def discard(self) -> None:
        """Remove what was written; no effect once finished."""
        ...


def create_part(folder: Path, number: int, part_format: str, vocabulary: list[str]) -> PartFile:
    """Begin the file of a part; ``vocabulary`` names the columns of sparse vectors."""
    path = folder / part_name(number, part_format)
    return JsonlPart(path, vocabulary) if part_format == "jsonl" else NpzPart(path)


class JsonlPart:
    """``{"id", "contents", "vector"}`` a line, as Pyserini writes and Anserini reads it.

    ``vector`` is ``{term: impact}`` for sparse, a list of numbers for dense encoders.
    """

    def __init__(self, path: Path, vocabulary: list[str]) -> None:
        self.path = path
        self._vocabulary = vocabulary
        self._temporary = temporary_name(path)
        self._stream = self._temporary.open("wb")
        self._digest = hashlib.sha256()

    def add(self, documents: list[Document], vectors: Any) -> None:
        """Append lines."""
        from llm_encoders.encoding.impacts import to_term_dicts

        if isinstance(vectors, csr_array):
            values: list[Any] = to_term_dicts(vectors, self._vocabulary)
        else:
            values = vectors.tolist()
        for document, vector in zip(documents, values, strict=True):
            record = {"id": document.id, "contents": document.contents, "vector": vector}
            line = f"{json.dumps(record)}\n".encode()
            self._digest.update(line)
            with naming(self.path):
                self._stream.write(line)

    def finish(self) -> str:
        """Put the file in place."""
        with naming(self.path):
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
            os.replace(self._temporary, self.path)
        return self._digest.hexdigest()

    def discard(self) -> None:
        """Remove the temporary file."""
        with suppress(OSError):  # on a full disk what is buffered cannot be written
            self._stream.close()
        self._temporary.unlink(missing_ok=True)


class NpzPart:
    """Ids and vectors in NumPy's format: CSR as SciPy's ``load_npz`` reads it, or ``vectors``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ids: list[str] = []
        self._vectors: list[Any] = []

    def add(self, documents: list[Document], vectors: Any) -> None:
        """Keep a window in memory."""
        self._ids += [document.id for document in documents]
        self._vectors.append(vectors)

    def finish(self) -> str:
        """Write the file."""
        content = npz_bytes(self._ids, self._vectors)
        write_atomically(self.path, content)
        return hashlib.sha256(content).hexdigest()

    def discard(self) -> None:
        """Nothing was written."""


def npz_bytes(ids: list[str], vectors: list[Any]) -> bytes:
    """The bytes of an ``.npz`` part."""
    arrays: dict[str, Any] = {"docid": np.array(ids, dtype=np.str_)}
    if isinstance(vectors[0], csr_array):
        matrix = vstack(vectors, format="csr")
        index_type = np.int32 if matrix.nnz < 2**31 else np.int64
        arrays |= {
            "format": np.array(b"csr"),
            "shape": np.array(matrix.shape),
            "data": matrix.data,
            "indices": matrix.indices.astype(np.int32),
            "indptr": matrix.indptr.astype(index_type),
            "_is_array": np.array(True),
        }
    else:
        arrays["vectors"] = np.concatenate(vectors)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def read_npz(path: Path) -> tuple[list[str], Any]:
    """Ids and vectors of an ``.npz`` part: csr_array of impacts, or float32 rows."""
    with np.load(path, allow_pickle=False) as arrays:
        ids = arrays["docid"].tolist()
        if "vectors" in arrays:
            return ids, arrays["vectors"]
        content = (arrays["data"], arrays["indices"], arrays["indptr"])
        return ids, csr_array(content, shape=tuple(arrays["shape"].tolist()))
