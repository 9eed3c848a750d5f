"""Outputs of the encode command. Nothing under its final name is ever half-written."""

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from llm_encoders.errors import EncoderError
from pyserini_ext.encode.corpus import Document


class Writer:
    """Writes under temporary names, which no reader takes for data, and renames when whole.

    As a context manager it finishes on success and discards on any error.
    """

    names: tuple[str, ...] = ()
    """File names of the output, in the order in which they are put in place."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self._made_folder = not self.folder.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = self.temporary("lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EncoderError(
                f"Another run is writing to {self.folder}; give every run, and every shard, a "
                "folder of its own."
            ) from None

    def temporary(self, name: str) -> Path:
        """Where the file is written before it is whole."""
        return self.folder / f".{name}.partial"

    def write(self, documents: list[Document], vectors: Any) -> None:
        """Append documents with their vectors, in order."""
        raise NotImplementedError

    def close(self) -> None:
        """Flush what is open."""

    def finish(self) -> None:
        """Put the finished output in place."""
        self.close()
        for name in self.names:
            with self.temporary(name).open("rb") as stream:
                os.fsync(stream.fileno())
        for name in self.names[1:]:  # of an earlier output, so that old and new never mix
            (self.folder / name).unlink(missing_ok=True)
        for name in self.names:
            os.replace(self.temporary(name), self.folder / name)

    def discard(self) -> None:
        """Remove what was written."""
        self.close()
        for name in self.names:
            self.temporary(name).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error_type is None:
                self.finish()
        finally:
            self.discard()  # what is in place has no temporary name any more
            self.temporary("lock").unlink(missing_ok=True)
            self._lock.close()
            if self._made_folder and not any(self.folder.iterdir()):
                self.folder.rmdir()


class JsonlWriter(Writer):
    """``embeddings.jsonl`` as Pyserini writes it: ``{"id", "contents", "vector"}`` a line.

    ``vector`` is ``{term: impact}`` for sparse, a list of numbers for dense encoders.
    """

    names = ("embeddings.jsonl",)

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self._file = self.temporary(self.names[0]).open("w", encoding="utf-8")

    def write(self, documents: list[Document], vectors: Any) -> None:
        """Append lines; ``vectors`` are dictionaries or an array [documents, dimension]."""
        for document, vector in zip(documents, vectors, strict=True):
            values = vector.tolist() if isinstance(vector, np.ndarray) else vector
            record = {"id": document.id, "contents": document.contents, "vector": values}
            self._file.write(json.dumps(record) + "\n")

    def close(self) -> None:
        """Flush the file."""
        self._file.close()


class FaissWriter(Writer):
    """A FAISS flat inner-product index as Pyserini reads it: ``index`` and ``docid``."""

    names = ("docid", "index")  # a folder without index is no index, so it comes last

    def __init__(self, folder: str, dimension: int) -> None:
        import faiss

        super().__init__(folder)
        self._index = faiss.IndexFlatIP(dimension)
        self._docids = self.temporary("docid").open("w", encoding="utf-8")

    def write(self, documents: list[Document], vectors: Any) -> None:
        """Append vectors, float32 [documents, dimension]."""
        self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        self._docids.writelines(f"{document.id}\n" for document in documents)

    def close(self) -> None:
        """Flush the list of ids."""
        self._docids.close()

    def finish(self) -> None:
        """Write the index and put both files in place."""
        import faiss

        try:
            faiss.write_index(self._index, str(self.temporary("index")))
        except RuntimeError as error:
            raise EncoderError(f"Cannot write the index to {self.folder}: {error}") from None
        super().finish()
