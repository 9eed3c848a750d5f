"""What a corpus is made of, whatever it is stored in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from llm_encoders.errors import EncoderError


class Position(NamedTuple):
    """Where a record begins; reading can start there."""

    file: int = 0
    """Number of the file, from 0."""
    line: int = 1
    """Line or row in it, from 1."""
    offset: int = 0
    """Bytes before it in the uncompressed file; 0 for rows."""


BEGINNING = Position()


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its id, what is encoded, and what the output repeats as ``contents``."""

    id: str
    title: str | None
    text: str
    contents: str
    place: str
    """File and line, for errors."""


class CorpusError(EncoderError):
    """A record that is no usable document, query or judgement."""

    def __init__(self, place: str, problem: str, docid: str | None = None) -> None:
        super().__init__(f"{place}: {problem}")
        self.docid = docid
        """Of a document that is not usable, where it has an id."""


class Corpus(Protocol):
    """A stream of documents that can be entered at any position it gave before."""

    name: str
    seekable: bool
    """Whether a position is entered without reading what comes before it."""

    def documents(
        self, on_fault: Callable[[CorpusError], None], start: Position = BEGINNING
    ) -> Iterator[tuple[Position, Document]]:
        """Yield the good documents in order; every fault goes to ``on_fault``, which may raise.

        A fault is a record that cannot be parsed, lacks an id or the fields, or has nothing to
        encode. Repeated ids are not looked for here.
        """
        ...

    def fingerprint(self) -> list[Any]:
        """Something that changes with the stored bytes and costs no reading; [] if unknown."""
        ...
