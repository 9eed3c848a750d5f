"""Quality and cost of students beside their teacher."""

from collections.abc import Sequence
from pathlib import Path

from reproductions.pages.markdown import table
from reproductions.pages.scalingnote import figures
from reproductions.scalingnote.results import Row

GROUPS = ("trade-off", "larger")
_FOLDER = Path(__file__).parents[2] / "scalingnote"
_MEASURES = ("nDCG@10", "R@50", "R@1000")
_QUANTILES = ("p50", "p95", "p99")


def section(rows: Sequence[Row], group: str, folder: Path = _FOLDER) -> str:
    """The tables and plots of a group, an evaluation after the other.

    Args:
        rows: of all groups.
        group: one of :data:`GROUPS`.
        folder: where the plots lie.
    """
    own = figures.of(rows, group)
    if not own:
        return figures.not_measured(group)
    parts = []
    for name in figures.values(own, "evaluation"):
        chosen = figures.of(own, group, evaluation=name)
        teacher = next(row for row in chosen if row["role"] == "teacher")
        plots = "".join(
            f"![{name} on {one}](scalingnote/pareto-{name}-{one}.svg)\n\n"
            for one in figures.values(chosen, "collection")
            if (folder / f"pareto-{name}-{one}.svg").exists()
        )
        parts.append(
            f"### Teacher: {teacher['label']}, {name.rpartition('-')[2]}\n\n{plots}"
            f"{_quality(chosen)}\n{_cost(chosen)}\n{_conditions(chosen)}\n"
        )
    return "\n".join(parts)


def _quality(rows: Sequence[Row]) -> str:
    head = ["collection", "query encoder"]
    for measure in _MEASURES:
        head += [measure, "of the teacher's"]
    head += ["terms", "empty"]
    lines = []
    for row in rows:
        cells = [row["collection"], _name(row)]
        for measure in _MEASURES:
            star = " *" if row[f"{measure} optimal"] else ""
            cells += [f"{row[measure]:.4f}{star}", figures.percent(row[f"{measure} share"])]
        terms = row["query terms"]
        cells += ["" if terms is None else f"{terms:.1f}", f"{row['empty queries']:,}"]
        lines.append([cell.replace(" *", " \\*") for cell in cells])
    return table(head, lines)


def _cost(rows: Sequence[Row]) -> str:
    head = (
        *("collection", "query encoder", "queries/s in batch", "one by one", "times the teacher's"),
        *("encoding p50 / p95 / p99, ms", "search p50 / p95 / p99, ms", "parameters", "bytes"),
    )
    return table(head, (_cost_row(row) for row in rows))


def _cost_row(row: Row) -> list[str]:
    times = [
        " / ".join(f"{row[f'{what} {one} ms']:.3g}" for one in _QUANTILES)
        for what in ("encoding", "search")
    ]
    return [
        row["collection"],
        _name(row),
        f"{row['queries/s batch']:,.0f}",
        f"{row['queries/s single']:,.0f}",
        f"{row['queries/s single ratio']:,.1f}",
        *times,
        f"{row['parameters']:,}",
        f"{row['bytes']:,}",
    ]


def _name(row: Row) -> str:
    return f"{row['label']} (teacher)" if row["role"] == "teacher" else row["label"]


def _conditions(rows: Sequence[Row]) -> str:
    """What the rows were measured on."""
    found = dict.fromkeys(
        f"{row['device']}, {row['threads']} threads, {row['processor']}, PyTorch {row['torch']}, "
        f"{row['date']}"
        for row in rows
    )
    return f"Measured on: {'; '.join(found)}.\n"


def students(rows: Sequence[Row]) -> dict[str, float]:
    """Milliseconds that one query takes each student on a CPU, for the price of a service.

    Of every student the figure of its first collection.
    """
    found: dict[str, float] = {}
    for group in GROUPS:
        for row in figures.of(rows, group):
            if row["role"] == "student" and row["device"] == "cpu":
                kind = row["evaluation"].replace("-", ", ")
                found.setdefault(f"{row['label']} ({kind})", row["encoding p50 ms"])
    return found
