"""Results as rows, a table of text, and CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from llm_encoders.distill_query.tradeoff.pareto import optimal
from llm_encoders.distill_query.tradeoff.timing import PERCENTILES
from llm_encoders.evaluation.measures import TRADEOFF_MEASURES

_MEASURES = tuple(measure.name for measure in TRADEOFF_MEASURES)
_SPEEDS = ("queries/s batch", "queries/s single")
COLUMNS = (
    *("encoder", "role", "kind"),
    *(f"{name}{end}" for name in _MEASURES for end in ("", " share", " optimal")),
    *(f"{name}{end}" for name in _SPEEDS for end in ("", " ratio")),
    *(f"{what} p{one} ms" for what in ("encoding", "search") for one in PERCENTILES),
    *("parameters", "bytes", "query terms", "empty queries"),
)
"""Of the CSV. A share is the figure over the teacher's, a ratio the speed over the teacher's;
``optimal`` is whether no encoder beats it in that measure and in queries per second one by one."""


def table_rows(measured: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with shares, ratios, and which of them are Pareto-optimal.

    Args:
        measured: figures of an encoder each, the teacher's first.

    Returns:
        One row an encoder, by :data:`COLUMNS`; ``None`` where there is no such figure, as the share
        of a teacher that finds nothing.
    """
    teacher = measured[0]
    rows = [dict(one) for one in measured]
    for name in _MEASURES:
        best = optimal([(one["queries/s single"], one[name]) for one in measured])
        for row, flag in zip(rows, best, strict=True):
            row[f"{name} share"] = row[name] / teacher[name] if teacher[name] else None
            row[f"{name} optimal"] = flag
    for row in rows:
        for name in _SPEEDS:
            row[f"{name} ratio"] = row[name] / teacher[name]
    return [{column: row.get(column) for column in COLUMNS} for row in rows]


def csv_text(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as CSV, figures in full; empty where there is none."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def text_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as two tables for a terminal: quality, and cost."""
    quality = [["encoder", "kind", *_MEASURES, "terms", "empty"]]
    cost = [
        [
            *("encoder", "q/s batch", "q/s single", "ratio", "encoding p50/95/99 ms"),
            *("search p50/95/99 ms", "parameters", "bytes"),
        ]
    ]
    for row in rows:
        terms = "" if row["query terms"] is None else f"{row['query terms']:.1f}"
        figures = [_figure(row, name) for name in _MEASURES]
        quality.append([row["encoder"], _kind(row), *figures, terms, f"{row['empty queries']:,}"])
        speeds = [f"{row[name]:,.1f}" for name in _SPEEDS]
        ratio = f"{row['queries/s single ratio']:,.1f}x"
        latencies = [_latencies(row, what) for what in ("encoding", "search")]
        sizes = [f"{row[name]:,}" for name in ("parameters", "bytes")]
        cost.append([row["encoder"], *speeds, ratio, *latencies, *sizes])
    return f"{_aligned(quality)}\n\n{_aligned(cost)}"


def _kind(row: dict[str, Any]) -> str:
    return f"teacher ({row['kind']})" if row["role"] == "teacher" else str(row["kind"])


def _figure(row: dict[str, Any], name: str) -> str:
    share = row[f"{name} share"]
    shown = f"{row[name]:.4f}" + ("" if share is None else f" {100 * share:6.1f} %")
    return f"{shown}{' *' if row[f'{name} optimal'] else '  '}"


def _latencies(row: dict[str, Any], what: str) -> str:
    return " / ".join(f"{row[f'{what} p{one} ms']:.3f}" for one in PERCENTILES)


def _aligned(cells: list[list[str]]) -> str:
    """Columns under their heads, the first on the left, others on the right."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )
