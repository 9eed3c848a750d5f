"""Reading JSONL with impact vectors into the words of :mod:`pyserini_ext.indexes.lucene`.

Parsing takes about as long as indexing, so it is done in a process of its own.
"""

import math
import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from operator import add
from pathlib import Path
from typing import Any

from llm_encoders.corpora import CorpusError, Position, files
from llm_encoders.corpora.lines import parse_json
from llm_encoders.corpora.records import ID_FIELDS, id_problem
from llm_encoders.corpora.repeats import id_record
from llm_encoders.encoding.terms import is_safe_term
from llm_encoders.errors import EncoderError
from pyserini_ext.indexes.lucene import DELIMITER

_BATCH = 2048
_MOST_ENDINGS = 65536
_LARGEST_IMPACT = 2**31 - 1


@dataclass(frozen=True)
class Batch:
    """Some documents of the input."""

    documents: list[tuple[str, str]]
    """Id and ``term<delimiter>impact`` words of those that have any."""
    empty: int
    """How many have none."""
    following: Position
    """Where the next line begins."""
    ids: bytes
    """A record of every document, empty ones too; see :mod:`llm_encoders.corpora.repeats`."""


class _Endings(dict[float, str]):
    """What follows a term, by its impact; made once each, since an index has billions of them."""

    def __missing__(self, value: float) -> str:
        ending = f"{DELIMITER}{int(value)}"
        if len(self) < _MOST_ENDINGS:
            self[value] = ending
        return ending


_ENDINGS = _Endings()


def batches_from_another_process(inputs: list[Path], start: Position) -> Iterator[Batch]:
    """As :func:`batches`, one batch ahead in a process of its own."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_batches, args=(sender, inputs, start), daemon=True)
    process.start()
    sender.close()  # so that the end of the process is the end of the pipe
    try:
        while True:
            try:
                message = receiver.recv()
            except EOFError:
                raise EncoderError("The process that reads the input died; run again.") from None
            if message is None:
                return
            if isinstance(message, str):
                raise EncoderError(message)
            yield message
    finally:
        process.kill()
        process.join()


def _send_batches(sender: Connection, inputs: list[Path], start: Position) -> None:
    # Ctrl-C reaches the whole group of processes; the other one ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for batch in batches(inputs, start):
            sender.send(batch)
        sender.send(None)
    except BrokenPipeError:
        pass  # nobody listens any more
    except (EncoderError, OSError) as error:
        sender.send(str(error))
    except Exception as error:
        sender.send(f"The input cannot be read: {type(error).__name__}: {error}")


def batches(inputs: list[Path], start: Position) -> Iterator[Batch]:
    """Read files of JSON lines from a position on.

    Raises:
        CorpusError: a line without id or vector, or with a term that Lucene would change.
    """
    batch: list[tuple[str, str]] = []
    ids = bytearray()
    empty = 0
    following = start
    for docid, words, place, following in _lines(inputs, start):
        ids += id_record(docid, place)
        if words:
            batch.append((docid, words))
        else:
            empty += 1
        if len(batch) + empty >= _BATCH:
            yield Batch(batch, empty, following, bytes(ids))
            batch, empty, ids = [], 0, bytearray()
    if batch or empty:
        yield Batch(batch, empty, following, bytes(ids))


def _lines(inputs: list[Path], start: Position) -> Iterator[tuple[str, str, Position, Position]]:
    """Id, words, where they stand, and where the next line begins."""
    known: set[str] = set()
    for number in range(start.file, len(inputs)):
        path = inputs[number]
        entry = start if number == start.file else Position(number)
        for line, offset, content in files.lines(path, entry.line, entry.offset):
            place = f"{path}, line {line}"
            record = parse_json(content, place)
            docid = id_of(record, place)
            following = Position(number, line + 1, offset + len(content))
            yield docid, _words(record, place, known), Position(number, line, offset), following


def id_of(record: dict[str, Any], place: str) -> str:
    """The id of a line.

    Raises:
        CorpusError: there is none that a run file can hold.
    """
    docid = next((record[name] for name in ID_FIELDS if name in record), None)
    if not isinstance(docid, str | int) or isinstance(docid, bool) or docid == "":
        raise CorpusError(place, "no id; expected a string or an integer in 'id'.")
    docid = str(docid)
    if problem := id_problem(docid):
        raise CorpusError(place, problem)
    return docid


def _words(record: dict[str, Any], place: str, known: set[str]) -> str:
    """The vector as words; ``known`` collects terms that were found to be safe."""
    vector = record.get("vector")
    if not isinstance(vector, dict):
        raise CorpusError(place, "no 'vector' of the form {term: impact}.")
    if not known.issuperset(vector):
        _require_safe([term for term in vector if term not in known], place)
        known.update(vector)
    if not vector:
        return ""
    types = set(map(type, vector.values()))
    if not types <= {int, float}:
        term = next(t for t, v in vector.items() if type(v) not in (int, float))
        raise CorpusError(place, f"the impact of '{term}' is {vector[term]!r}, not a number.")
    if float in types:
        _require_integral(vector, place)
    lowest = min(vector.values())
    if lowest < 0 or max(vector.values()) > _LARGEST_IMPACT:
        term, value = next((t, v) for t, v in vector.items() if not 0 <= v <= _LARGEST_IMPACT)
        problem = "negative" if value < 0 else "too large"
        raise CorpusError(place, f"the impact of '{term}' is {_shown(value)}, which is {problem}.")
    if lowest < 1:  # a term of impact 0 is none
        vector = {term: value for term, value in vector.items() if value >= 1}
    return " ".join(map(add, vector, map(_ENDINGS.__getitem__, vector.values())))


def _require_integral(vector: dict[str, Any], place: str) -> None:
    for term, value in vector.items():
        if type(value) is float and not value.is_integer():
            if not math.isfinite(value):
                raise CorpusError(place, f"the impact of '{term}' is {value}, not a finite number.")
            raise CorpusError(
                place,
                f"the impact of '{term}' is {value}, but Lucene holds integers. Quantise the "
                "vectors: multiply every weight by the same number, 100 for instance, and round.",
            )


def _shown(value: float) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:20]}…"


def _require_safe(terms: list[str], place: str) -> None:
    for term in terms:
        if not is_safe_term(term) or DELIMITER in term:
            raise CorpusError(
                place,
                f"Lucene cannot index the term {term!r} as it is: it is empty, too long, or "
                "holds whitespace or control characters.",
            )
