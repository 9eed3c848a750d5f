"""Results of a study as CSV: rows whose cells are texts, numbers, or nothing."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from llm_encoders.errors import UsageError
from llm_encoders.reading import read_text

Row = dict[str, Any]


def read_rows(path: Path, columns: Sequence[str], value: Callable[[str, str], Any]) -> list[Row]:
    """The rows of a file; none without a file.

    Args:
        path: the file.
        columns: those that it must have, in order.
        value: of a column's name and a cell's text.

    Raises:
        UsageError: other columns, or a cell that is no figure; names the line.
    """
    if not path.exists():
        return []
    lines = csv.DictReader(io.StringIO(read_text(path)))
    if tuple(lines.fieldnames or ()) != tuple(columns):
        raise UsageError(f"{path}: its columns are not those that run.py writes; run it again.")
    rows = []
    for row in lines:
        try:
            rows.append({name: value(name, row[name]) for name in columns})
        except (KeyError, TypeError, ValueError):
            raise UsageError(f"{path}, line {lines.line_num}: a cell is no figure.") from None
    return rows


def rows_text(rows: Iterable[Row], columns: Sequence[str]) -> str:
    """The rows as CSV."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
