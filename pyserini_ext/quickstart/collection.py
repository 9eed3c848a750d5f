"""A collection to compare systems on, and reading one in BEIR layout."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from llm_encoders.corpora import CorpusError, open_corpus
from llm_encoders.corpora.beir import BeirFolder
from llm_encoders.corpora.records import id_problem
from llm_encoders.errors import EncoderError

_NUMBER_WORDS = ("nan", "inf", "na", "none", "null")


@dataclass
class Collection:
    """Documents, queries that have judgements, and the judgements."""

    documents: dict[str, tuple[str, str]]
    """id -> (title, text)."""
    queries: dict[str, str]
    qrels: dict[str, dict[str, int]]
    """query id -> {document id: grade}."""

    def write(self, folder: Path) -> None:
        """Write ``corpus/corpus.jsonl``, ``topics.json`` and ``qrels.txt`` for Pyserini."""
        (folder / "corpus").mkdir(parents=True, exist_ok=True)
        with (folder / "corpus" / "corpus.jsonl").open("w", encoding="utf-8") as stream:
            for docid, (title, text) in self.documents.items():
                contents = f"{title}\n{text}"
                record = {"id": docid, "title": title, "text": text, "contents": contents}
                stream.write(json.dumps(record) + "\n")
        topics = {query_id: {"title": text} for query_id, text in self.queries.items()}
        (folder / "topics.json").write_text(json.dumps(topics, indent=1), encoding="utf-8")
        with (folder / "qrels.txt").open("w", encoding="utf-8") as stream:
            for query_id, grades in self.qrels.items():
                stream.writelines(f"{query_id} 0 {d} {grade}\n" for d, grade in grades.items())


def beir_folder(folder: Path, split: str = "test") -> Collection:
    """Read ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv``.

    Faulty documents, such as the empty ones of Cranfield, are named on stderr and left out.

    Raises:
        EncoderError: a file is missing or a line is faulty; names file and line.
    """
    beir = BeirFolder(folder)
    qrels = beir.qrels(split)
    queries = {}
    for query in beir.queries():
        if query.id in qrels:
            if problem := id_problem(query.id):
                raise CorpusError(query.place, problem)
            queries[query.id] = query.text
    if missing := qrels.keys() - queries.keys():
        raise EncoderError(
            f"{beir.queries_file} lacks {len(missing)} judged queries, '{min(missing)}' among "
            f"them; add them, or remove them from {beir.qrels_file(split)}."
        )
    if not queries:
        raise EncoderError(f"{beir.qrels_file(split)} judges nothing.")
    documents: dict[str, tuple[str, str]] = {}
    for _, document in open_corpus(str(beir.corpus)).documents(_leave_out):
        if document.id in documents:
            _leave_out(CorpusError(document.place, f"id '{document.id}' occurs before."))
        else:
            documents[document.id] = (document.title or "", document.text)
    names = _names_that_survive(list(queries))
    return Collection(
        documents,
        {names[q]: text for q, text in queries.items()},
        {names[q]: qrels[q] for q in queries},
    )


def _leave_out(fault: CorpusError) -> None:
    print(f"left out: {fault}", file=sys.stderr)


def _names_that_survive(query_ids: list[str]) -> dict[str, str]:
    """New names where Pyserini's fusion, which reads ids as numbers if it can, would spoil them.

    It makes 7 of '007' and 7.0 of '7.0'; then all ids get a letter in front.
    """

    def survives(query_id: str) -> bool:
        try:
            return str(int(query_id)) == query_id
        except ValueError:
            return any(c.isalpha() for c in query_id) and query_id.lower() not in _NUMBER_WORDS

    if all(map(survives, query_ids)):
        return {query_id: query_id for query_id in query_ids}
    return {query_id: f"q{query_id}" for query_id in query_ids}
