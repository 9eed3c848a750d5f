"""A TREC CAR collection of paragraphs as a corpus."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from llm_encoders.corpora import files
from llm_encoders.corpora.document import BEGINNING, CorpusError, Document, Position
from llm_encoders.corpora.records import RecordReader
from llm_encoders.corpora.trec_car.records import Kind, Record, records
from llm_encoders.corpora.trec_car.tools import parsed
from llm_encoders.jobs.fingerprint import file_fingerprints


class ParagraphCorpus:
    """Paragraphs with their ids; a link counts as its anchor text, and there are no titles.

    Args:
        name: what the user called the corpus.
        paths: its files, in order.
        reader: which fields are id, title and text, of ``id`` and ``text``.
    """

    def __init__(self, name: str, paths: list[Path], reader: RecordReader) -> None:
        self.name = name
        self.files = paths
        self.reader = reader
        self.seekable = not any(files.compression(file) for file in paths)

    def fingerprint(self) -> list[Any]:
        """Name, and size and time of modification, of every file."""
        found = file_fingerprints(self.files).values()
        return [[file.name, one] for file, one in zip(self.files, found, strict=True)]

    def documents(
        self, on_fault: Callable[[CorpusError], None], start: Position = BEGINNING
    ) -> Iterator[tuple[Position, Document]]:
        """Yield the good documents; see :class:`llm_encoders.corpora.Corpus`.

        Raises:
            EncoderError: a file holds no paragraphs, is damaged or is cut off.
        """
        for number in range(start.file, len(self.files)):
            entry = start if number == start.file else Position(number)
            found = records(self.files[number], (Kind.PARAGRAPHS,), entry.line, entry.offset)
            for record in found:
                try:
                    document = self._document(record)
                except CorpusError as fault:
                    on_fault(fault)
                else:
                    yield Position(number, record.number, record.offset), document

    def _document(self, record: Record) -> Document:
        paragraph, text = parsed("Paragraph", record, record.content)
        return self.reader.document({"id": paragraph.para_id, "text": text}, record.place)
