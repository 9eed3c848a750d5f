"""Collections for the quickstart: Python's documentation strings, or a folder in BEIR layout."""

import ast
import csv
import json
import random
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llm_encoders.errors import EncoderError

_LEFT_OUT = {"test", "tests", "idle_test", "idlelib", "lib2to3", "site-packages", "turtledemo"}
_SUMMARY_WORDS = range(4, 26)
_BODY_WORDS = 20
_QUERIES = 300
_SEED = 1
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


def standard_library() -> Collection:
    """Documentation strings of the Python standard library, as a known-item search task.

    A document is the docstring of a module, class or function, titled by its qualified name. For
    a fixed sample of those with a distinctive summary line and a body, the summary is taken out
    of the document and becomes a query whose one relevant document is the rest.
    """
    docstrings = _without_repetitions(dict(_docstrings()))
    summaries = Counter(_split(docstring)[0] for docstring in docstrings.values())
    eligible = []
    for name, docstring in docstrings.items():
        summary, body = _split(docstring)
        distinctive = len(summary.split()) in _SUMMARY_WORDS and summaries[summary] == 1
        told_again = summary.lower() in " ".join(body.split()).lower() or ">>>" in summary
        if distinctive and len(body.split()) >= _BODY_WORDS and not told_again:
            eligible.append(name)
    chosen = random.Random(_SEED).sample(sorted(eligible), min(_QUERIES, len(eligible)))
    queries, qrels = {}, {}
    for number, name in enumerate(sorted(chosen), start=1):
        summary, body = _split(docstrings[name])
        docstrings[name] = body
        queries[f"q{number}"] = summary
        qrels[f"q{number}"] = {name: 1}
    return Collection({n: (n, " ".join(d.split())) for n, d in docstrings.items()}, queries, qrels)


def _docstrings() -> Iterator[tuple[str, str]]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if _LEFT_OUT.intersection(parts):
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue  # templates and files of other encodings
        yield from _of_node(tree, ".".join(parts).removesuffix(".__init__"))


def _of_node(node: ast.Module | ast.ClassDef | ast.AST, name: str) -> Iterator[tuple[str, str]]:
    docstring = ast.get_docstring(node)  # type: ignore[arg-type]
    if docstring and docstring.strip():
        yield name, docstring
    for child in getattr(node, "body", []):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _of_node(child, f"{name}.{child.name}")


def _without_repetitions(docstrings: dict[str, str]) -> dict[str, str]:
    """Keep one of those that say the same, so that a query has one right answer."""
    return {name: d for d, name in {d: name for name, d in docstrings.items()}.items()}


def _split(docstring: str) -> tuple[str, str]:
    summary, _, body = docstring.partition("\n\n")
    return " ".join(summary.split()), body


def beir_folder(folder: Path, split: str = "test") -> Collection:
    """Read ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv`` (or the only split).

    Raises:
        EncoderError: a file is missing or a line is faulty; names file and line.
    """
    qrels_path = _qrels_file(folder, split)
    qrels: dict[str, dict[str, int]] = {}
    with qrels_path.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.reader(stream, delimiter="\t"), start=1):
            if number == 1 and row[-1:] == ["score"]:
                continue
            if len(row) != 3 or not row[2].lstrip("-").isdigit():
                raise EncoderError(f"{qrels_path}, line {number}: expected query, document, grade.")
            qrels.setdefault(row[0], {})[row[1]] = int(row[2])
    documents = {
        record["_id"]: (record.get("title") or "", record["text"])
        for record in _records(folder / "corpus.jsonl")
        if f"{record.get('title') or ''}{record['text']}".strip()
    }
    queries = {r["_id"]: r["text"] for r in _records(folder / "queries.jsonl") if r["_id"] in qrels}
    if not queries:
        raise EncoderError(f"No query of {folder / 'queries.jsonl'} is judged in {qrels_path}.")
    names = _names_that_survive(list(queries))
    return Collection(
        documents,
        {names[q]: text for q, text in queries.items()},
        {names[q]: qrels[q] for q in queries},
    )


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
    return found[0]


def _records(path: Path) -> Iterator[dict]:
    if not path.is_file():
        raise EncoderError(f"{path.parent} is not in BEIR layout: there is no {path.name}.")
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                record = json.loads(line)
                record["_id"], record["text"]
            except (ValueError, KeyError, TypeError):
                raise EncoderError(f"{path}, line {number}: expected _id and text.") from None
            yield record
