"""Folders in BEIR layout: ``corpus.jsonl``, ``queries.jsonl``, ``qrels/SPLIT.tsv``.

Each file may be compressed (``.gz``, ``.zst``, ``.xz``). This is the only reader of
documents, queries and judgements of such folders.
"""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from llm_encoders.corpora.document import CorpusError
from llm_encoders.corpora.files import COMPRESSED
from llm_encoders.corpora.rows import file_rows
from llm_encoders.errors import EncoderError, UsageError

_NO_DOCUMENTS = re.compile(r"(.*[._-])?(queries|topics|qrels)([._-].*)?", re.IGNORECASE)
_HEADS = ("query-id", "query_id", "queryid", "qid", "query")

# A whole number of few digits, such as 2, -1 or 1.0, as pandas writes it beside missing values.
_GRADE = re.compile(r"\s*([+-]?[0-9]{1,9})(?:\.0*)?\s*")


class Query(NamedTuple):
    """A query as ``queries.jsonl`` has it."""

    id: str
    text: str
    place: str
    """File and line, for errors."""


class Judgement(NamedTuple):
    """A line of a qrels file."""

    query: str
    docid: str
    grade: int
    place: str
    """File and line, for errors."""


def holds_no_documents(name: str) -> bool:
    """Whether a file or folder of a corpus holds, by its name, queries or judgements."""
    return bool(_NO_DOCUMENTS.fullmatch(name))


def is_beir(path: str | Path) -> bool:
    """Whether a folder is in BEIR layout.

    It has ``corpus.jsonl`` beside queries or judgements, or ``queries.jsonl`` beside ``qrels/``.
    """
    folder = Path(path)
    if not folder.is_dir():
        return False
    if _variants(folder / "corpus.jsonl"):
        return any(holds_no_documents(entry.name) for entry in folder.iterdir())
    return bool(_variants(folder / "queries.jsonl")) and (folder / "qrels").is_dir()


@dataclass(frozen=True)
class BeirFolder:
    """A folder for which :func:`is_beir` holds; what it lacks is an error when it is asked for."""

    path: Path

    @property
    def corpus(self) -> Path:
        """The file of documents; read it with :func:`llm_encoders.corpora.open_corpus`.

        Raises:
            EncoderError: there is none, or there are several.
        """
        return self._file("corpus.jsonl")

    @property
    def queries_file(self) -> Path:
        """The file of queries; raises as :attr:`corpus`."""
        return self._file("queries.jsonl")

    def _file(self, name: str) -> Path:
        found = _variants(self.path / name)
        if not found:
            raise EncoderError(
                f"{self.path} is not in BEIR layout: there is no {name} (or {name}.gz)."
            )
        return _only(found)

    def splits(self) -> list[str]:
        """The splits that have judgements."""
        folder = self.path / "qrels"
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        pattern = re.compile(r"(?P<split>[^.].*?)\.tsv(\.gz|\.zst|\.xz)?")
        return sorted({found["split"] for name in names if (found := pattern.fullmatch(name))})

    def qrels_file(self, split: str) -> Path:
        """The judgements of a split.

        Raises:
            UsageError: there are none; names the splits that there are.
        """
        found = _variants(self.path / "qrels" / f"{split}.tsv")
        if found:
            return _only(found)
        known = self.splits()
        if not known:
            if not self.path.is_dir():
                raise EncoderError(f"There is no folder {self.path}.")
            raise EncoderError(f"{self.path} is not in BEIR layout: there is no qrels/*.tsv.")
        raise UsageError(
            f"{self.path} has no qrels for the split '{split}'; it has {', '.join(known)}."
        )

    def queries(self) -> Iterator[Query]:
        """Every query.

        Raises:
            CorpusError: a record without id or text, or an id that was given before.
        """
        seen: dict[str, str] = {}
        for place, record in file_rows(self.queries_file):
            values = record if isinstance(record, dict) else {}
            given, text = values.get("_id"), values.get("text")
            named = isinstance(given, str | int) and not isinstance(given, bool)
            if not named or not isinstance(text, str):
                raise CorpusError(place, "expected a query with '_id' and 'text', a text.")
            name = str(given)
            if name in seen:
                raise CorpusError(
                    place, f"the query '{name}' was given before, at {seen[name]}; ids must differ."
                )
            seen[name] = place
            yield Query(name, text, place)

    def judged_queries(self, qrels: Mapping[str, Any]) -> dict[str, Query]:
        """The queries that judgements are of, by id.

        Args:
            qrels: the judgements, by query.

        Raises:
            EncoderError: some of them are not there; otherwise as :meth:`queries`.
        """
        found = {query.id: query for query in self.queries() if query.id in qrels}
        if missing := qrels.keys() - found.keys():
            raise EncoderError(
                f"{self.queries_file} lacks {len(missing)} judged queries, '{min(missing)}' among "
                "them; add them, or remove them from the qrels."
            )
        return found

    def absent_documents(
        self, split: str, qrels: Mapping[str, Mapping[str, int]], documents: Container[str]
    ) -> str | None:
        """How many relevant documents the corpus lacks, as a sentence; ``None`` if it lacks none.

        They cannot be found, so they lower recall and nDCG, as trec_eval computes them.

        Args:
            split: that the judgements are of.
            qrels: grades by query and document, at least one of them above 0.
            documents: ids of the documents that are searched.

        Raises:
            EncoderError: none of the relevant documents is there.
        """
        grades = [one for grades in qrels.values() for one in grades.items()]
        relevant = {docid for docid, grade in grades if grade > 0}
        absent = {docid for docid in relevant if docid not in documents}
        if not absent:
            return None
        where = self.qrels_file(split)
        if absent == relevant:
            raise EncoderError(
                f"{where}: none of the {len(relevant):,} relevant documents is in the corpus, for "
                f"instance '{min(absent)}'. Put the corpus that was judged into {self.path}; ids "
                "must agree to the letter."
            )
        return (
            f"{where}: {len(absent):,} of {len(relevant):,} relevant documents are not in the "
            f"corpus, '{min(absent)}' among them; they count as not found."
        )

    def judgements(self, split: str) -> Iterator[Judgement]:
        """Every line of a split's qrels but a header.

        Raises:
            CorpusError: a line that is not query, document, grade.
            UsageError: there is no such split.
        """
        for number, (place, columns) in enumerate(file_rows(self.qrels_file(split))):
            assert isinstance(columns, list)
            if number == 0 and columns[0].strip().lower() in _HEADS:
                continue
            yield Judgement(*_judged(columns, place), place)

    def qrels(self, split: str) -> dict[str, dict[str, int]]:
        """Relevance grades by query and document.

        Raises:
            CorpusError: as :meth:`judgements`; or a document judged twice for a query, differently.
        """
        found: dict[str, dict[str, int]] = {}
        for query, docid, grade, place in self.judgements(split):
            grades = found.setdefault(query, {})
            if grades.setdefault(docid, grade) != grade:
                raise CorpusError(
                    place,
                    f"the query '{query}' and the document '{docid}' were judged {grades[docid]} "
                    f"before, here {grade}; leave one out.",
                )
        return found

    def relevant_elsewhere(self, split: str, queries: Container[str]) -> dict[str, list[str]]:
        """Documents that are relevant to some queries by the judgements of other splits.

        Raises:
            CorpusError: as :meth:`judgements`.
        """
        found: dict[str, list[str]] = {}
        for other in self.splits():
            if other == split:
                continue
            for query, docid, grade, _ in self.judgements(other):
                if grade > 0 and query in queries:
                    found.setdefault(query, []).append(docid)
        return found


def _judged(columns: list[str], place: str) -> tuple[str, str, int]:
    """Query, document and grade of a line."""
    wanted = "expected three tab-separated columns: query id, document id, grade"
    if len(columns) == 4:
        raise CorpusError(
            place, f"TREC qrels, which have four columns; {wanted}. Take the second out."
        )
    if len(columns) != 3:
        raise CorpusError(place, f"{wanted}; there are {len(columns)}.")
    query, docid, written = columns
    if not (grade := _GRADE.fullmatch(written)):
        raise CorpusError(
            place, f"{wanted}; the grade is '{written[:40]}', which is no whole number."
        )
    return query, docid, int(grade[1])


def _variants(path: Path) -> list[Path]:
    """The file, plain or compressed, as often as it is there."""
    names = [path.name, *(path.name + suffix for suffix in COMPRESSED)]
    return [path.with_name(name) for name in names if path.with_name(name).is_file()]


def _only(found: list[Path]) -> Path:
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise EncoderError(f"{found[0].parent} holds {names}; remove all but one.")
    return found[0]
