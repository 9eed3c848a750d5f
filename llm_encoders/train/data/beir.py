"""Folders in BEIR layout: ``corpus.jsonl``, ``queries.jsonl``, ``qrels/SPLIT.tsv``."""

from collections.abc import Iterator
from pathlib import Path

from llm_encoders.corpora.rows import rows
from llm_encoders.errors import UsageError
from llm_encoders.train.data.layouts import TrainingDataError


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
        if not isinstance(record, dict) or "_id" not in record or "text" not in record:
            raise TrainingDataError(place, "expected a query with '_id' and 'text'.")
        yield place, str(record["_id"]), str(record["text"])


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
