"""The ids that an index has already, in a file that grows with it: a repeated one is an error."""

import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from llm_encoders.corpora import CorpusError, files
from llm_encoders.corpora.lines import parse_json
from llm_encoders.corpora.repeats import RECORD, repeated, repeated_id
from llm_encoders.errors import EncoderError
from llm_encoders.jobs.atomic import naming
from pyserini_ext.indexes.vector_lines import id_of


class KnownIds:
    """28 bytes a document; as a context manager it closes the file.

    Args:
        path: of the file; what it holds belongs to the documents of the last commit.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stream: BinaryIO = path.open("r+b" if path.exists() else "w+b")

    def resume(self, documents: int) -> None:
        """Forget what came after the last commit.

        Args:
            documents: of the last commit.

        Raises:
            EncoderError: fewer ids are known.
        """
        if self._stream.seek(0, os.SEEK_END) < documents * RECORD.itemsize:
            raise EncoderError(
                f"{self._path} is gone or too short, so repeated ids cannot be found. Give "
                "--overwrite to start again."
            )
        self._stream.truncate(documents * RECORD.itemsize)
        self._stream.seek(0, os.SEEK_END)

    def add(self, records: bytes) -> None:
        """Take the records of some documents."""
        with naming(self._path):
            self._stream.write(records)

    def flush(self) -> None:
        """Make everything added durable."""
        with naming(self._path):
            self._stream.flush()
            os.fsync(self._stream.fileno())

    def require_distinct(self, inputs: list[Path]) -> None:
        """Refuse an id that occurs twice.

        Args:
            inputs: the files that the records refer to.

        Raises:
            CorpusError: names file, line and id of the first one.
        """
        self.flush()
        if self._path.stat().st_size == 0:
            return
        again = repeated(np.memmap(self._path, dtype=RECORD, mode="r"))
        if again:
            number, line = again[0]
            _, _, content = next(x for x in files.lines(inputs[number]) if x[0] == line)
            place = f"{inputs[number]}, line {line}"
            docid = id_of(parse_json(content, place), place)
            more = len(again) - 1
            lines = f"{more} more lines repeat" if more > 1 else "1 more line repeats"
            rest = f" {lines} an id." if more else ""
            raise CorpusError(place, repeated_id(docid) + rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stream.close()
