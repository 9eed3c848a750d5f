"""Corpora in text files: JSON lines, and the TSV of MS MARCO."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from llm_encoders import reading
from llm_encoders.corpora import files
from llm_encoders.corpora.document import BEGINNING, CorpusError, Document, Position
from llm_encoders.corpora.records import ID_FIELDS, RecordReader
from llm_encoders.errors import EncoderError
from llm_encoders.jobs.fingerprint import file_fingerprints

# Columns of a TSV by their number: passages, titled passages, MS MARCO documents.
_TSV_COLUMNS = {
    2: ["id", "text"],
    3: ["id", "title", "text"],
    4: ["id", "url", "title", "text"],
}
# First columns of a header line; of lines of documents, one of these is not an id.
_ID_HEADS = {*ID_FIELDS, "pid", "doc_id", "passage_id", "document_id"}
_TEXT_HEADS = {"contents", "body", "passage", "document"}
_HEADS = {*_ID_HEADS, *_TEXT_HEADS, "title", "text", "url"}


class LineCorpus:
    """Files of one record a line; ``.tsv`` is tab-separated, everything else JSON.

    All lines of a TSV have as many columns as its first one. If the first line names columns
    (``id``, ``text``, …), it is a header and gives their names.

    Args:
        name: what the user called the corpus.
        paths: its files, in order.
        reader: which fields are id, title and text.
    """

    def __init__(self, name: str, paths: list[Path], reader: RecordReader) -> None:
        self.name = name
        self.files = paths
        self.reader = reader
        self.seekable = not any(files.compression(file) for file in self.files)
        self._told: set[Path] = set()

    def fingerprint(self) -> list[Any]:
        """Name, and size and time of modification, of every file."""
        folder = Path(self.name)
        names = [f.relative_to(folder) if folder in f.parents else f.name for f in self.files]
        found = file_fingerprints(self.files).values()
        return [[str(name), one] for name, one in zip(names, found, strict=True)]

    def documents(
        self, on_fault: Callable[[CorpusError], None], start: Position = BEGINNING
    ) -> Iterator[tuple[Position, Document]]:
        """Yield the good documents; see :class:`llm_encoders.corpora.Corpus`."""
        for number in range(start.file, len(self.files)):
            path = self.files[number]
            tabular = files.plain_suffix(path) == ".tsv"
            columns, header = self._columns(path) if tabular else ([], 0)
            entry = start if number == start.file else Position(number)
            for line, offset, content in files.lines(path, entry.line, entry.offset):
                if line == header:
                    continue
                place = f"{path}, line {line}"
                try:
                    if tabular:
                        values = parse_columns(content, place, len(columns))
                        record: dict[str, Any] = dict(zip(columns, values, strict=True))
                    else:
                        record = parse_json(content, place)
                    document = self.reader.document(record, place)
                except CorpusError as fault:
                    on_fault(fault)
                else:
                    yield Position(number, line, offset), document

    def _columns(self, path: Path) -> tuple[list[str], int]:
        """The columns' names, and the number of the line that gives them, 0 if there is none.

        Raises:
            CorpusError: the first line has a number of columns that is no layout.
        """
        for line, _, content in files.lines(path):
            place = f"{path}, line {line}"
            try:
                found = parse_columns(content, place, None)
            except CorpusError:  # a fault of that line, not of the file
                return _TSV_COLUMNS[2], 0
            names = [name.strip().lower().lstrip("#") for name in found]
            if len(names) > 1 and names[0] in _ID_HEADS and set(names) <= _HEADS:
                if len(set(names)) < len(names):
                    raise CorpusError(place, f"a header that names a column twice: {names}.")
                if path not in self._told:
                    self._told.add(path)
                    print(f"{place}: a header; it names {', '.join(names)}.", file=sys.stderr)
                return self._named(names), line
            if len(found) not in _TSV_COLUMNS:
                raise CorpusError(
                    place,
                    f"{len(found)} tab-separated columns; expected id and text; id, title and "
                    "text; or id, url, title and text.",
                )
            return _TSV_COLUMNS[len(found)], 0
        return _TSV_COLUMNS[2], 0

    def _named(self, header: list[str]) -> list[str]:
        """The names of a header, as the reader knows them."""
        docid, *others = header
        if self.reader.fields is None and "text" not in others:
            others = ["text" if name in _TEXT_HEADS else name for name in others]
        return [docid if docid in self.reader.id_fields else "id", *others]


def parse_json(content: bytes, place: str) -> dict[str, Any]:
    """One line of JSON; anything but an object is a :class:`CorpusError`."""
    try:
        record = reading.parse_json(content.rstrip(), place)
    except EncoderError as error:
        raise CorpusError(place, str(error).removeprefix(f"{place}: ")) from None
    if not isinstance(record, dict):
        raise CorpusError(place, "expected a JSON object.")
    return record


def parse_columns(content: bytes, place: str, wanted: int | None) -> list[str]:
    """One line of tab-separated columns.

    Args:
        content: the line.
        place: its file and line.
        wanted: columns of the file's first line; ``None`` if this is it.

    Raises:
        CorpusError: not UTF-8, or another number of columns.
    """
    try:
        columns = content.decode("utf-8").rstrip("\r\n").split("\t")
    except UnicodeDecodeError:
        raise CorpusError(place, "not valid UTF-8.") from None
    if wanted is not None and len(columns) != wanted:
        raise CorpusError(
            place,
            f"{len(columns)} tab-separated columns where the file's first line has {wanted}; take "
            "tabs out of the texts.",
        )
    return columns
