"""``results.csv``: a row an encoder, collection and evaluation."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "studies"))

from csv_rows import Row, read_rows, rows_text

from llm_encoders.distill_query.tradeoff.report import COLUMNS as MEASURED

FILE = Path(__file__).with_name("results.csv")
KEY = ("group", "evaluation", "collection")
BODY = "layer parameters"
COLUMNS = (
    *("group", "evaluation", "label", "seed", "collection"),
    *MEASURED,
    *(BODY, "processor", "device", "threads", "date", "torch"),
)
""":data:`BODY` are parameters but those of embeddings and LM head, where they were counted."""
_TEXTS = {
    *("group", "evaluation", "label", "collection", "encoder", "role", "kind"),
    *("processor", "device", "date", "torch"),
}
_WHOLE = {"seed", "parameters", "bytes", "empty queries", BODY, "threads"}


def read(path: Path | None = None) -> list[Row]:
    """The rows, with figures as numbers and ``None`` where there is none; none without a file.

    Args:
        path: ``None`` for :data:`FILE`.

    Raises:
        UsageError: other columns, or a cell that is no figure; names the line.
    """
    return read_rows(path or FILE, COLUMNS, _value)


def _value(name: str, text: str) -> Any:
    if name in _TEXTS:
        return text
    if text == "":
        return None
    if name.endswith(" optimal"):
        return {"True": True, "False": False}[text]
    return int(text) if name in _WHOLE else float(text)


def replaced(rows: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """The rows with new ones, in the place of those of the same evaluation and collection."""
    keys = {_key(row) for row in new}
    return [*(row for row in rows if _key(row) not in keys), *new]


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)


def text(rows: Iterable[Row]) -> str:
    """The rows as CSV."""
    return rows_text(rows, COLUMNS)
