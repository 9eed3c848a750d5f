"""``results.csv``: a row a cell; also the points that laws are fitted to."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "studies"))

from csv_rows import Row, read_rows, rows_text

FILE = Path(__file__).with_name("results.csv")
MEASURES = ("ndcg@10", "recall@100")
"""Of each collection."""
_WHOLE = {"parameters", "annotations", "seed", "steps", "tokens", "negatives", "threads"}
_TEXTS = {
    *("cell", "paradigm", "size", "source", "schedule"),
    *("processor", "device", "date", "torch"),
}


def columns(collections: Iterable[str]) -> tuple[str, ...]:
    """The columns for these collections."""
    ranked = [f"{name} {measure}" for name in collections for measure in MEASURES]
    return (
        *("cell", "paradigm", "size", "parameters", "annotations", "source", "seed"),
        *("schedule", "steps"),
        *("temperature", "negatives", "entropy", "entropy sd", *ranked),
        *("query terms", "passage terms", "tokens", "flops", "seconds"),
        *("processor", "device", "threads", "date", "torch"),
    )


def read(collections: Iterable[str], path: Path | None = None) -> list[Row]:
    """The rows, with figures as numbers and ``None`` where there is none; none without a file.

    Args:
        collections: names, in the order of the study.
        path: ``None`` for :data:`FILE`.

    Raises:
        UsageError: other columns, or a cell that is no figure; names the line.
    """
    return read_rows(path or FILE, columns(collections), _value)


def _value(name: str, text: str) -> Any:
    if name in _TEXTS:
        return text
    if text == "":
        return None
    return int(text) if name in _WHOLE else float(text)


def merged(rows: Sequence[Row], new: Row, order: Sequence[str]) -> list[Row]:
    """The rows with a new one, by the order of the cells' names."""
    found = [row for row in rows if row["cell"] != new["cell"]] + [new]
    places = {name: number for number, name in enumerate(order)}
    return sorted(found, key=lambda row: places.get(row["cell"], len(places)))


def text(rows: Iterable[Row], collections: Iterable[str]) -> str:
    """The rows as CSV."""
    return rows_text(rows, columns(collections))
