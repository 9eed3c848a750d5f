"""A collection to compare systems on, and reading one in BEIR layout."""

import json
import sys
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from llm_encoders.corpora import CorpusError, open_corpus
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
    qrels_path = _qrels_file(folder, split)
    qrels = _read_qrels(qrels_path)
    documents: dict[str, tuple[str, str]] = {}
    for _, document in open_corpus(str(_existing(folder / "corpus.jsonl"))).documents(_leave_out):
        if document.id in documents:
            _leave_out(CorpusError(document.place, f"id '{document.id}' occurs before."))
        else:
            documents[document.id] = (document.title or "", document.text)
    queries = _read_queries(_existing(folder / "queries.jsonl"), qrels)
    if not queries:
        raise EncoderError(f"No query of {folder / 'queries.jsonl'} is judged in {qrels_path}.")
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


def _qrels_file(folder: Path, split: str) -> Path:
    named = folder / "qrels" / f"{split}.tsv"
    if named.is_file():
        return named
    found = sorted((folder / "qrels").glob("*.tsv"))
    if not found:
        raise EncoderError(f"{folder} is not in BEIR layout: there is no qrels/*.tsv.")
    splits = ", ".join(path.stem for path in found)
    raise EncoderError(f"There is no {named}; choose with --split among: {splits}.")


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise EncoderError(f"{path.parent} is not in BEIR layout: there is no {path.name}.")
    return path


def _read_qrels(path: Path) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            row = line.rstrip("\r\n").split("\t")
            if number == 1 and row[-1] == "score":
                continue
            if len(row) != 3 or not row[2].lstrip("-").isdigit():
                raise EncoderError(f"{path}, line {number}: expected query, document, grade.")
            qrels.setdefault(row[0], {})[row[1]] = int(row[2])
    return qrels


def _read_queries(path: Path, wanted: Container[str]) -> dict[str, str]:
    queries = {}
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                query_id, text = str(record["_id"]), record["text"]
            except (ValueError, KeyError, TypeError):
                raise EncoderError(f"{path}, line {number}: expected _id and text.") from None
            if not isinstance(text, str) or query_id in queries:
                problem = f"query '{query_id}' occurs before or its text is no string."
                raise EncoderError(f"{path}, line {number}: {problem}")
            if query_id in wanted:
                queries[query_id] = text
    return queries
