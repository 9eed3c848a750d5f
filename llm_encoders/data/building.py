"""Building the stores of training data: passages, relevance, and queries with their passages."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from llm_encoders.corpora import CorpusError, open_corpus
from llm_encoders.corpora.repeats import repeated_id
from llm_encoders.data.arrow import Table, TableWriter
from llm_encoders.data.example import Example, Inline, TrainingDataError, numbered_per_record
from llm_encoders.data.faults import LeftOut
from llm_encoders.data.passages import Passages, PassageWriter
from llm_encoders.data.relevance import Relevance, RelevanceWriter
from llm_encoders.data.sources import DataSources, examples
from llm_encoders.data.text_keys import hash64, passage_keys
from llm_encoders.errors import EncoderError
from llm_encoders.unicode import well_formed

QUERIES = "queries.arrow"
LISTING = "skipped.txt"
"""What was left out of faulty documents, one a line."""
_ALL = "all.arrow"
_FIELDS = [
    ("id", pa.string()),
    ("query", pa.string()),
    ("positives", pa.list_(pa.int64())),
    ("negatives", pa.list_(pa.int64())),
    ("positive_scores", pa.list_(pa.float32())),
    ("negative_scores", pa.list_(pa.float32())),
]
_NO_NEGATIVES = (
    "no record of the file has negatives. Distillation alone compares a query's own passages and "
    "learns nothing from a single one. Mine negatives with python -m llm_encoders.mine_negatives, "
    "or give 'contrastive' a weight."
)


@dataclass(frozen=True)
class Wanted:
    """What the records must have, and what is kept of them."""

    scores: bool = False
    """Whether every passage must have a teacher score."""
    negatives: bool = False
    """Whether queries without negatives are left out."""
    every_passage: bool = False
    """Whether negatives are kept that have the text of a positive or of the query."""


def write_corpus(folder: Path, corpus: str, left_out: LeftOut) -> Passages:
    """Store the passages of a corpus; ids must differ, but for those that are left out.

    Raises:
        EncoderError: a faulty document, with file and line.
    """
    writer = PassageWriter(folder)
    seen: set[int] = set()
    for _, document in open_corpus(corpus).documents(left_out):
        if left_out.on_error == "skip":
            if (digest := hash64(well_formed(document.id))) in seen:
                left_out(CorpusError(document.place, repeated_id(document.id)))
                continue
            seen.add(digest)
        writer.add(document.id, document.title, document.text)
    writer.close()
    passages = Passages(folder)
    _require_distinct(passages, corpus)
    if left_out.count:
        print(left_out.summary(corpus))
    return passages


def _require_distinct(passages: Passages, corpus: str) -> None:
    """Refuse a corpus in which an id occurs twice; only then is it read again, for the lines."""
    repeated = passages.repeated_id()
    if repeated is None:
        return
    documents = (document for _, document in open_corpus(corpus).documents(lambda fault: None))
    first, second = islice((one.place for one in documents if well_formed(one.id) == repeated), 2)
    raise TrainingDataError(second, repeated_id(repeated, first))


class Builder:
    """Writes the stores of training data to a folder.

    Args:
        sources: the user's files.
        folder: empty.
        wanted: what the records must have.
        left_out: takes the faults of the corpus and what names a faulty document.
    """

    def __init__(
        self, sources: DataSources, folder: Path, wanted: Wanted, left_out: LeftOut
    ) -> None:
        self.sources, self.folder, self.wanted, self.left_out = sources, folder, wanted, left_out
        self._corpus = sources.corpus_name
        self._by_id = None if self._corpus is None else write_corpus(folder, self._corpus, left_out)
        self._inline = PassageWriter(folder) if self._corpus is None else None
        self._texts: dict[int, int] = {}

    def build(self) -> None:
        """Read all records, then unite what is relevant to equal queries.

        Raises:
            EncoderError: a record that cannot be trained on, with file and line.
        """
        relevance, kept = RelevanceWriter(), []
        alone: list[str] = []
        faulty = self.left_out.count
        with TableWriter(self.folder / _ALL, pa.schema(_FIELDS)) as table:
            for place, one in examples(self.sources, self._by_id, self.left_out):
                self._require_scores(one, place)
                positives, positive_scores = self._rows(one, "positive", place)
                negatives, negative_scores = self._rows(one, "negative", place)
                if not positives:
                    self.left_out(CorpusError(place, "all of its positives were left out."))
                    continue
                number = relevance.append(one.query, positives + self._itself(one))
                if self.wanted.negatives and not one.negatives:
                    alone.append(place)
                    continue
                kept.append(number)
                scores = positive_scores, negative_scores
                table.append(one.id, one.query, positives, negatives, *scores)
        if alone and not table.count:
            raise TrainingDataError(alone[0], _NO_NEGATIVES)
        if table.count == 0:
            raise EncoderError(f"{self.sources.train} holds no training examples.")
        if alone:
            print(f"{alone[0]}: no negatives; distillation leaves out {len(alone):,} such queries.")
        if faulty < self.left_out.count and self._inline is not None:
            print(self.left_out.summary(self.sources.train))
        elif faulty < self.left_out.count:
            print(f"{self.sources.train}: records that name them are left out and listed as well.")
        if self._inline is not None:
            self._inline.close()
        passages = Passages(self.folder)
        groups = relevance.write(self.folder, passages.keys)
        self._write_queries(passages, groups[kept])

    def _itself(self, one: Example) -> list[int]:
        """The document that, in BEIR's convention, is the query: that of the query's id."""
        if self._by_id is None or one.id is None or not self.sources.queries_are_documents:
            return []
        row = self._by_id.row(one.id)
        return [] if row is None else [row]

    def _require_scores(self, one: Example, place: str) -> None:
        missing = one.positive_scores is None or (one.negatives and one.negative_scores is None)
        if self.wanted.scores and missing:
            raise TrainingDataError(
                place,
                "no teacher scores, which distillation needs; write them with "
                "python -m llm_encoders.score.",
            )

    def _rows(self, one: Example, kind: str, place: str) -> tuple[list[int], list[float] | None]:
        """Rows of the positives or negatives, and their scores."""
        passages: list[str | Inline] = getattr(one, f"{kind}s")
        scores: list[float] | None = getattr(one, f"{kind}_scores")
        numbered = numbered_per_record(one)
        rows = [self._row(passage, kind, place, numbered) for passage in passages]
        good = [number for number, row in enumerate(rows) if row is not None]
        return [row for row in rows if row is not None], scores and [scores[i] for i in good]

    def _row(self, passage: str | Inline, kind: str, place: str, numbered: bool) -> int | None:
        if isinstance(passage, Inline):
            if not passage.text.strip() and not (passage.title or "").strip():
                self.left_out(CorpusError(place, f"a {kind} passage is empty."))
                return None
            return self._inline_row(passage, place, numbered)
        if self._by_id is None:
            raise TrainingDataError(
                place, f"passage '{passage}' is given by id; name the corpus it is in (data.corpus)"
            )
        found = self._by_id.row(passage)
        if found is None:
            fault = CorpusError(place, f"passage '{passage}' is not in the corpus {self._corpus}.")
            if passage not in self.left_out.ids:
                raise fault
            self.left_out(CorpusError(place, f"passage '{passage}' was left out."))
        return found

    def _inline_row(self, passage: Inline, place: str, numbered: bool) -> int:
        """The row of a passage that a record carries itself.

        Raises:
            TrainingDataError: its id was given to another text before; names both lines.
        """
        if self._inline is None:
            raise TrainingDataError(
                place, "the passage is given in full, but a corpus is named; leave 'corpus' out"
            )
        if passage.docid is not None and not numbered:
            key = passage_keys(passage.title, passage.text)[0]
            if self._texts.setdefault(hash64(passage.docid), key) != key:
                raise TrainingDataError(
                    place,
                    f"the passage '{passage.docid}' has another text than at "
                    f"{self._first_place(passage.docid)}; an id must have one text.",
                )
        return self._inline.add_inline(passage.docid, passage.title, passage.text)

    def _first_place(self, docid: str) -> str:
        for place, one in examples(self.sources, None, self.left_out):
            carried = [p for p in [*one.positives, *one.negatives] if isinstance(p, Inline)]
            if not numbered_per_record(one) and any(p.docid == docid for p in carried):
                return place
        raise AssertionError("an id is repeated that was read before")

    def _write_queries(self, passages: Passages, groups: np.ndarray) -> None:
        """Add the groups; leave out negatives that are relevant in another record."""
        rows, relevance = Table(self.folder / _ALL), Relevance(self.folder)
        dropped = alone = 0
        schema = pa.schema([*_FIELDS, ("group", pa.int64())])
        with TableWriter(self.folder / QUERIES, schema) as table:
            for number, group in enumerate(groups.tolist()):
                one = rows[number]
                if not self.wanted.every_passage and one["negatives"]:
                    relevant = passages.have_texts(one["negatives"], relevance.of(group))
                    good = np.flatnonzero(~relevant).tolist()
                    dropped += len(relevant) - len(good)
                    for key in ("negatives", "negative_scores"):
                        one[key] = _chosen(one[key], good)
                    if self.wanted.negatives and not good:
                        alone += 1
                        continue
                table.append(*(one[name] for name, _ in _FIELDS), group)
        (self.folder / _ALL).unlink()
        if dropped:
            print(
                f"{self.sources.train}: left out {dropped:,} negatives that have the text of the "
                "query or of a passage relevant to it."
            )
        if alone:
            print(f"{self.sources.train}: left out {alone:,} queries that have no other negatives.")
        if table.count == 0:
            raise EncoderError(
                f"{self.sources.train}: all negatives have the text of a query or of its "
                "positives; nothing is left to train on."
            )


def _chosen(values: Sequence[Any] | None, places: list[int]) -> list[Any] | None:
    return None if values is None else [values[place] for place in places]
