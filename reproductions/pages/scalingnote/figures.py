"""Rows of ``results.csv`` chosen and averaged, and numbers as pages write them."""

from collections.abc import Iterable, Sequence
from statistics import fmean

from llm_encoders.evaluation.measures import TRADEOFF_MEASURES
from llm_encoders.evaluation.measures.recall import RECALL_50
from reproductions.pages.markdown import table
from reproductions.scalingnote.results import Row

TITLES = dict(
    zip((measure.name for measure in TRADEOFF_MEASURES), ("nDCG@10", "R@50", "R@1000"), strict=True)
)
"""Columns of measures, and what the page calls them."""
COLUMN, SHARE = RECALL_50.name, f"{RECALL_50.name} share"
QUALITY = TITLES[COLUMN]
"""What the paper compares by."""
NOT_MEASURED = (
    "Not measured yet: `results.csv` has no row of this. "
    "`python reproductions/scalingnote/run.py --only {}` measures it.\n"
)


def not_measured(*groups: str) -> str:
    """The sentence in the place of a table."""
    return NOT_MEASURED.format(" ".join(groups))


def of(
    rows: Iterable[Row],
    group: str,
    *,
    evaluation: str | None = None,
    collection: str | None = None,
    label: str | None = None,
) -> list[Row]:
    """The rows of a group, and of what else is given."""
    wanted = {"evaluation": evaluation, "collection": collection, "label": label}
    given = {key: value for key, value in wanted.items() if value is not None}
    return [
        row
        for row in rows
        if row["group"] == group and all(row[key] == value for key, value in given.items())
    ]


def values(rows: Iterable[Row], key: str) -> list[str]:
    """The different values of a column, in order."""
    return list(dict.fromkeys(row[key] for row in rows))


def mean(rows: Sequence[Row], column: str) -> float:
    """Over rows, as a rule the seeds of one label on one collection."""
    return fmean(row[column] for row in rows)


def percent(share: float | None) -> str:
    """Such as ``97.3 %``; empty for ``None``."""
    return "" if share is None else f"{100 * share:.1f} %"


def span(numbers: Sequence[float], factor: float, form: str) -> str:
    """The least and the largest number, such as ``97.1 to 98.4``; one where they look the same."""
    low, high = (format(factor * one, form) for one in (min(numbers), max(numbers)))
    return low if low == high else f"{low} to {high}"


def seeds_table(rows: Sequence[Row], column: str) -> str:
    """A column by label and collection; for several seeds their mean, then each of them."""
    collections = values(rows, "collection")
    lines = []
    for label in values(rows, "label"):
        own = [row for row in rows if row["label"] == label]
        cells = [
            _cell([row for row in own if row["collection"] == one], column) for one in collections
        ]
        seeds = sorted({row["seed"] for row in own if row["seed"] is not None})
        lines.append([label, ", ".join(map(str, seeds)), *cells])
    return table((TITLES[column], "seeds", *collections), lines)


def _cell(rows: Sequence[Row], column: str) -> str:
    ordered = sorted(rows, key=lambda row: row["seed"] or 0)
    shown = [f"{row[column]:.4f}" for row in ordered]
    if len(shown) < 2:
        return "".join(shown)
    return f"{mean(ordered, column):.4f} ({', '.join(shown)})"
