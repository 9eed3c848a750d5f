"""A collection to compare systems on, and reading one in BEIR layout."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llm_encoders.corpora import CorpusError, open_corpus
from llm_encoders.corpora.beir import BeirFolder
from llm_encoders.corpora.records import id_problem
from llm_encoders.corpora.repeats import repeated_id
from llm_encoders.errors import EncoderError
from pyserini_ext.commands import qrels_text, write_topics


@dataclass
class Collection:
    """Documents, queries that have judgements, and the judgements."""

    documents: dict[str, tuple[str, str]]
    """id -> (title, text)."""
    queries: dict[str, str]
    qrels: dict[str, dict[str, int]]
    """query id -> {document id: grade}."""

    @property
    def queries_are_documents(self) -> bool:
        """Whether a query is a document, too, as in ArguAna: it has the id of one."""
        return not self.queries.keys().isdisjoint(self.documents)

    def write(self, folder: Path) -> None:
        """Write ``corpus/corpus.jsonl``, ``topics.json`` and ``qrels.txt`` for Pyserini."""
        (folder / "corpus").mkdir(parents=True, exist_ok=True)
        with (folder / "corpus" / "corpus.jsonl").open("w", encoding="utf-8") as stream:
            stream.writelines(self.lines())
        write_topics(folder / "topics.json", self.queries)
        (folder / "qrels.txt").write_text(qrels_text(self.qrels), encoding="utf-8")

    def lines(self) -> Iterator[str]:
        """The documents as lines of JSON that Pyserini indexes and ours encode."""
        for docid, (title, text) in self.documents.items():
            contents = f"{title}\n{text}"
            record = {"id": docid, "title": title, "text": text, "contents": contents}
            yield json.dumps(record) + "\n"


def beir_folder(folder: Path, split: str = "test") -> Collection:
    """Read ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv``.

    Faulty documents, such as the empty ones of Cranfield, are named on stderr and left out. So
    many relevant documents as are not there then are told.

    Raises:
        EncoderError: a file is missing or a line is faulty; names file and line. Or no relevant
            document is there.
    """
    beir = BeirFolder(folder)
    qrels = beir.qrels(split)
    queries = beir.judged_queries(qrels)
    for query in queries.values():
        if problem := id_problem(query.id):
            raise CorpusError(query.place, problem)
    for docid in {docid for grades in qrels.values() for docid in grades}:
        if problem := id_problem(docid):
            raise EncoderError(f"{beir.qrels_file(split)}, document '{docid}': {problem}")
    if not any(grade > 0 for grades in qrels.values() for grade in grades.values()):
        raise EncoderError(
            f"{beir.qrels_file(split)} judges no document relevant; name another split with "
            "--split."
        )
    documents: dict[str, tuple[str, str]] = {}
    for _, document in open_corpus(str(beir.corpus)).documents(_leave_out):
        if document.id in documents:
            _leave_out(CorpusError(document.place, repeated_id(document.id)))
        else:
            documents[document.id] = (document.title or "", document.text)
    if problem := beir.absent_documents(split, qrels, documents):
        print(f"warning: {problem}", file=sys.stderr)
    texts = {name: query.text for name, query in queries.items()}
    return Collection(documents, texts, {name: qrels[name] for name in queries})


def _leave_out(fault: CorpusError) -> None:
    print(f"left out: {fault}", file=sys.stderr)
