"""The records of a TREC CAR file as a stream, from any position, and whether the file is whole.

Since release 1.6 a file is a header ``["CAR", [TYPE], PROVENANCE]`` and one list of unknown length,
which a break ends; in release 1.5 it is the bare records, one after the other.
"""

from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from llm_encoders.corpora import files
from llm_encoders.corpora.trec_car.cbor import IncompleteError, MalformedError, decode
from llm_encoders.errors import EncoderError

_CHUNK = 2**20
_LARGEST = 2**26
"""Bytes of a record; the largest pages have some ten million, most of them inlinks."""
_LIST = 0x9F
_BREAK = 0xFF


class Kind(IntEnum):
    """What a file holds, by the number in its header."""

    PAGES = 0
    OUTLINES = 1
    PARAGRAPHS = 2

    @property
    def shown(self) -> str:
        """As in *a file of outlines*."""
        return {0: "articles", 1: "outlines", 2: "paragraphs"}[self]

    @property
    def example(self) -> str:
        """What such a file is called in the releases since 1.6."""
        names = {0: "test.pages.cbor", 1: "test.pages.cbor-outlines.cbor"}
        return names.get(self, "dedup.articles-paragraphs.cbor")


class Record(NamedTuple):
    """One record, decoded, and where it is."""

    number: int
    """From 1."""
    offset: int
    """Bytes before it in the uncompressed file."""
    content: Any
    place: str
    """File, record and byte, for errors."""


class _Input:
    """Bytes of a file with one item decoded at a time."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self.path, self._stream = path, stream
        self._data, self._at, self._before = b"", 0, 0

    @property
    def offset(self) -> int:
        """Bytes before the next item."""
        return self._before + self._at

    def go_to(self, offset: int) -> None:
        """Continue from a byte that is still to come, or from the beginning."""
        ahead = offset - self._before - len(self._data)
        if ahead <= 0:
            self._at = offset - self._before
            return
        files.skip(self._stream, ahead)
        self._before, self._data, self._at = offset, b"", 0

    def peek(self) -> int | None:
        """The next byte; ``None`` at the end."""
        if self._at >= len(self._data) and not self._more(1):
            return None
        return self._data[self._at]

    def step(self) -> None:
        """Pass the byte that :meth:`peek` gave."""
        self._at += 1

    def item(self, what: str) -> Any:
        """The next item.

        Raises:
            EncoderError: the file ends inside it, or it is no CBOR; names the byte.
        """
        while True:
            try:
                value, self._at = decode(self._data, self._at)
                return value
            except IncompleteError as error:
                needed = error.needed - self._at
            except MalformedError as error:
                raise EncoderError(
                    f"{self.path}: not CBOR at byte {self._before + error.at:,}, in {what}, which "
                    f"begins at byte {self.offset:,}: {error.problem}. The file is damaged, or of "
                    "another kind; download or unpack it again."
                ) from None
            if needed > _LARGEST:
                raise EncoderError(
                    f"{self.path}: {what}, which begins at byte {self.offset:,}, claims to be over "
                    f"{_LARGEST // 2**20} MiB long. The file is damaged, or no TREC CAR file."
                )
            if not self._more(needed):
                raise EncoderError(
                    f"{self.path}: the file ends at byte {self._before + len(self._data):,}, "
                    f"inside {what}, which begins at byte {self.offset:,}. It is cut off; download "
                    "or unpack it again."
                )

    def _more(self, needed: int) -> bool:
        """Read on until that many bytes are ahead; false if there are not as many."""
        rest = self._data[self._at :]
        self._before, self._at = self._before + self._at, 0
        pieces, have = [rest], len(rest)
        while have < needed:
            piece = self._stream.read(max(_CHUNK, needed - have, have))
            if not piece:
                break
            pieces.append(piece)
            have += len(piece)
        self._data = b"".join(pieces)
        return have >= needed


def records(
    path: Path, wanted: tuple[Kind, ...], number: int = 1, offset: int = 0
) -> Iterator[Record]:
    """Every record of a file.

    Args:
        path: the file; compressed ones are uncompressed.
        wanted: what it may hold.
        number: of the first record to yield.
        offset: uncompressed bytes before that record; 0 for the first.

    Raises:
        EncoderError: the file holds something else, is damaged, or is not whole; names the byte.
    """
    with files.reading(path) as stream:
        source = _Input(path, stream)
        headed = _begin(source, wanted)
        source.go_to(max(offset, source.offset if headed else 0))
        while (byte := source.peek()) is not None:
            if headed and byte == _BREAK:
                source.step()
                if source.peek() is not None:
                    raise EncoderError(
                        f"{path}: the list of records ends before byte {source.offset:,}, but more "
                        "bytes follow. If files were joined, give them one by one."
                    )
                return
            begins = source.offset
            content = source.item(f"record {number:,}")
            yield Record(number, begins, content, f"{path}, record {number} (byte {begins:,})")
            number += 1
        if headed:
            raise EncoderError(_cut_off(source, f"after record {number - 1:,}"))


def _begin(source: _Input, wanted: tuple[Kind, ...]) -> bool:
    """Read the header and the byte that begins the list; whether there are such."""
    if source.peek() is None:
        raise EncoderError(f"{source.path} is empty; download or unpack it again.")
    first = source.item("the header")
    if isinstance(first, list) and first[:1] in (["CAR"], [b"CAR"]):
        kind = _kind_of_header(source.path, first)
        _check(source.path, kind, "by its header", wanted)
        if source.peek() is None:
            raise EncoderError(_cut_off(source, "after the header"))
        if source.peek() != _LIST:
            raise EncoderError(
                f"{source.path}: no list of records follows the header, at byte "
                f"{source.offset:,}. The file is damaged; download or unpack it again."
            )
        source.step()
        return True
    if not (kinds := _kinds_of_record(first)):
        raise EncoderError(
            f"{source.path}: byte 0 begins neither the header of a TREC CAR file nor a record of "
            "release 1.5; earlier releases are not read. Name another file."
        )
    if not set(kinds) & set(wanted):
        _check(source.path, kinds[0], "by its first record", wanted)
    return False


def _cut_off(source: _Input, where: str) -> str:
    return (
        f"{source.path}: the file ends at byte {source.offset:,}, {where}, without the mark that "
        "ends a TREC CAR file. It is cut off; download or unpack it again."
    )


def _kind_of_header(path: Path, header: list[Any]) -> Kind:
    """The kind that a header names."""
    number = header[1][:1] if len(header) > 1 and isinstance(header[1], list) else []
    if header[0] != "CAR" or number not in [[kind] for kind in Kind]:
        raise EncoderError(
            f"{path}: the header at byte 0 is not of a known version: ['CAR', [0, 1 or 2], …] was "
            f"expected, for a file of articles, outlines or paragraphs, not {str(header)[:60]}. "
            "Take a file of release 1.5, 1.6 or 2."
        )
    return Kind(number[0])


def _kinds_of_record(record: Any) -> tuple[Kind, ...]:
    """What a file without a header may be, by its first record."""
    if not isinstance(record, list) or len(record) < 3 or record[0] not in (0, 1):
        return ()
    if isinstance(record[1], bytes) and isinstance(record[2], list):
        return (Kind.PARAGRAPHS,)
    if isinstance(record[1], str) and isinstance(record[2], bytes):
        return (Kind.PAGES, Kind.OUTLINES)
    return ()


def _check(path: Path, kind: Kind, by: str, wanted: tuple[Kind, ...]) -> None:
    if kind not in wanted:
        expected = " or ".join(one.shown for one in wanted)
        raise EncoderError(
            f"{path}: a file of {kind.shown}, {by}; expected {expected}. Name a file such as "
            f"{wanted[0].example}."
        )
