"""Corpora in text files: JSON lines, and the TSV of MS MARCO."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from llm_encoders.corpora import files
from llm_encoders.corpora.document import BEGINNING, CorpusError, Document, Position
from llm_encoders.corpora.records import RecordReader

# Columns of a TSV by their number: passages, titled passages, MS MARCO documents.
_TSV_COLUMNS = {
    2: ("id", "text"),
    3: ("id", "title", "text"),
    4: ("id", "url", "title", "text"),
}


class LineCorpus:
    """Files of one record a line; ``.tsv`` is tab-separated, everything else JSON."""

    def __init__(self, path: Path, reader: RecordReader) -> None:
        self.name = str(path)
        self.files = files.list_files(path)
        self.reader = reader
        self.seekable = all(file.suffix not in files.COMPRESSED for file in self.files)

    def stamp(self) -> list[Any]:
        """Name, size and time of change of every file."""
        stats = [(file.name, file.stat()) for file in self.files]
        return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]

    def documents(
        self, on_fault: Callable[[CorpusError], None], start: Position = BEGINNING
    ) -> Iterator[tuple[Position, Document]]:
        """Yield the good documents; see :class:`llm_encoders.corpora.Corpus`."""
        for number in range(start.file, len(self.files)):
            path = self.files[number]
            parse = parse_tsv if files.plain_suffix(path) == ".tsv" else parse_json
            entry = start if number == start.file else Position(number)
            for line, offset, content in files.lines(path, entry.line, entry.offset):
                place = f"{path}, line {line}"
                try:
                    document = self.reader.document(parse(content, place), place)
                except CorpusError as fault:
                    on_fault(fault)
                else:
                    yield Position(number, line, offset), document


def parse_json(content: bytes, place: str) -> dict[str, Any]:
    """One line of JSON; anything but an object is a :class:`CorpusError`."""
    try:
        record = json.loads(content.rstrip())
    except json.JSONDecodeError as error:
        raise CorpusError(place, f"not valid JSON ({error.msg}, column {error.colno}).") from None
    except UnicodeDecodeError:
        raise CorpusError(place, "not valid UTF-8.") from None
    except RecursionError:
        raise CorpusError(place, "JSON nested too deeply.") from None
    except ValueError:
        raise CorpusError(place, "JSON with a number of thousands of digits.") from None
    if not isinstance(record, dict):
        raise CorpusError(place, "expected a JSON object.")
    return record


def parse_tsv(content: bytes, place: str) -> dict[str, Any]:
    """One line of two to four tab-separated columns."""
    try:
        columns = content.decode("utf-8").rstrip("\r\n").split("\t")
    except UnicodeDecodeError:
        raise CorpusError(place, "not valid UTF-8.") from None
    if len(columns) not in _TSV_COLUMNS:
        raise CorpusError(
            place,
            f"{len(columns)} tab-separated columns; expected id and text; id, title and text; or "
            "id, url, title and text.",
        )
    return dict(zip(_TSV_COLUMNS[len(columns)], columns, strict=True))
