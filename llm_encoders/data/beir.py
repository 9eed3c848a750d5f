"""Folders in BEIR layout: ``corpus.jsonl``, ``queries.jsonl``, ``qrels/SPLIT.tsv``."""

from collections.abc import Iterator
from pathlib import Path

from llm_encoders.corpora.rows import rows
from llm_encoders.data.layouts import Example, Inline, TrainingDataError
from llm_encoders.data.passages import Passages
from llm_encoders.errors import UsageError


def is_beir(path: str) -> bool:
    """Whether a folder is in BEIR layout."""
    return (Path(path) / "qrels").is_dir() and (Path(path) / "queries.jsonl").is_file()


def qrels_file(folder: Path, split: str) -> Path:
    """The judgements of a split.

    Raises:
        UsageError: there are none; names the splits that there are.
    """
    path = folder / "qrels" / f"{split}.tsv"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in path.parent.glob("*.tsv")))
        raise UsageError(f"{folder} has no qrels for the split '{split}'; it has {known}.")
    return path


def read_queries(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Place (file and line), id and text of every query.

    Raises:
        TrainingDataError: a record without id or text.
    """
    for place, record in rows(str(folder / "queries.jsonl")):
        known = isinstance(record, dict) and isinstance(record.get("_id"), str | int)
        if not known or not isinstance(record.get("text"), str):  # type: ignore[union-attr]
            raise TrainingDataError(place, "expected a query with '_id' and 'text', a text.")
        yield place, str(record["_id"]), record["text"]


def read_judgements(path: Path) -> Iterator[tuple[str, str, str, int]]:
    """Place (file and line), query, document and grade of every line of a BEIR qrels file.

    Raises:
        TrainingDataError: a line that is not query, document, grade.
    """
    for place, columns in rows(str(path)):
        assert isinstance(columns, list)
        if columns[0] in ("query-id", "query_id"):
            continue
        try:
            query, docid, grade = columns
            number = int(grade)
        except ValueError:
            raise TrainingDataError(
                place, "expected three tab-separated columns: query id, document id, grade."
            ) from None
        yield place, query, docid, number


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Relevance grades by query and document; raises as :func:`read_judgements`."""
    found: dict[str, dict[str, int]] = {}
    for _, query, docid, grade in read_judgements(path):
        found.setdefault(query, {})[docid] = grade
    return found


def beir_examples(folder: Path, split: str, passages: Passages) -> Iterator[tuple[str, Example]]:
    """Judged queries with their relevant passages; faults name a line of qrels or queries."""
    queries = {name: (place, text) for place, name, text in read_queries(folder)}
    grades: dict[str, dict[str, int]] = {}
    for place, query, docid, grade in read_judgements(qrels_file(folder, split)):
        if grade > 0 and query not in queries:
            raise TrainingDataError(place, f"the query '{query}' is not in {folder}/queries.jsonl.")
        if grade > 0 and passages.row(docid) is None:
            raise TrainingDataError(place, f"the passage '{docid}' is not in the corpus.")
        grades.setdefault(query, {})[docid] = grade
    for name, (place, text) in queries.items():
        judged = grades.get(name, {})
        relevant: list[str | Inline] = [docid for docid, grade in judged.items() if grade > 0]
        if relevant and not text.strip():
            raise TrainingDataError(place, "the query is empty.")
        if relevant:
            yield place, Example(text, relevant, [])
