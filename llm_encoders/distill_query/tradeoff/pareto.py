"""Which encoders no other one beats in both quality and speed, and a picture of them."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm_encoders.evaluation.measures.ndcg import NDCG_10
from llm_encoders.evaluation.measures.recall import RECALL_50

_DRAWN = (NDCG_10.name, RECALL_50.name)
_OPTIMAL, _BEATEN = "#2b6cb0", "#999999"


def optimal(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether each point is Pareto-optimal; of both numbers, higher is better.

    A point is not where another one is at least as good in both and better in one.
    """
    return [
        not any(
            other[0] >= one[0] and other[1] >= one[1] and tuple(other) != tuple(one)
            for other in points
        )
        for one in points
    ]


def plot(rows: Sequence[dict[str, Any]], title: str) -> bytes:
    """An SVG: quality over queries per second, one by one; the same rows give the same bytes.

    Args:
        rows: of :func:`llm_encoders.distill_query.tradeoff.report.table_rows`.
        title: names the collection.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "pareto"}):
        figure = Figure(figsize=(10, 4), layout="constrained")
        figure.suptitle(title)
        for axes, measure in zip(figure.subplots(1, len(_DRAWN)), _DRAWN, strict=True):
            _draw(axes, rows, measure)
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def _draw(axes: Any, rows: Sequence[dict[str, Any]], measure: str) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    for row in rows:
        colour = _OPTIMAL if row[f"{measure} optimal"] else _BEATEN
        marker = "s" if row["role"] == "teacher" else "o"
        axes.plot(row["queries/s single"], row[measure], marker, color=colour)
        axes.annotate(
            Path(row["encoder"]).name,
            (row["queries/s single"], row[measure]),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=8,
            rotation=30,
        )
    best = sorted(
        (row["queries/s single"], row[measure]) for row in rows if row[f"{measure} optimal"]
    )
    axes.plot(*zip(*best, strict=True), color=_OPTIMAL, linewidth=1)
    axes.set_xscale("log")
    speeds = [row["queries/s single"] for row in rows]
    axes.xaxis.set_major_locator(
        LogLocator(subs=(1, 2, 5) if max(speeds) < 10 * min(speeds) else (1,))
    )
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.3)
    axes.set_ylim(0, 1.3 * max(row[measure] for row in rows) or 1)
    axes.set_xlabel("queries per second, one by one")
    axes.set_ylabel(measure)
