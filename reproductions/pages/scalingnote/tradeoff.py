"""Quality and cost of students beside their teacher."""

from collections.abc import Sequence
from pathlib import Path

from reproductions.pages.markdown import table
from reproductions.pages.scalingnote import figures
from reproductions.scalingnote.results import Row

GROUPS = ("trade-off", "larger")
_FOLDER = Path(__file__).parents[2] / "scalingnote"
_QUANTILES = ("p50", "p95", "p99")
_MUCH_FASTER = 5


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
            f"{findings(chosen)}\n{_quality(chosen)}\n{_cost(chosen)}\n{_conditions(chosen)}\n"
        )
    return "\n".join(parts)


def findings(rows: Sequence[Row]) -> str:
    """What the students of one teacher keep, at what speed; from all collections."""
    students = [row for row in rows if row["role"] == "student"]
    fast, lines = [], []
    for label in figures.values(students, "label"):
        own = [row for row in students if row["label"] == label]
        shares = [row[figures.SHARE] for row in own]
        ratios = [row["queries/s single ratio"] for row in own]
        times = [row["encoding p50 ms"] for row in own]
        kept = (
            "a share that is not known"  # the teacher finds nothing
            if None in shares
            else f"{figures.span(shares, 100, '.1f')} % of {figures.QUALITY}"
        )
        lines.append(
            f"- *{label}* keeps {kept} at {figures.span(ratios, 1, '.1f')} times the queries per "
            f"second one by one, {figures.span(times, 1, '.3g')} ms a query.\n"
        )
        if own[0]["kind"] != "lookup" and min(ratios) >= _MUCH_FASTER:
            fast.append(f"*{label}*")
    lines.append(
        f"- At least {_MUCH_FASTER} times as fast as the teacher on every collection, of those "
        f"with a transformer: {', '.join(fast) or 'none'}.\n"
    )
    return "".join(lines)


def _quality(rows: Sequence[Row]) -> str:
    head = ["collection", "query encoder"]
    for title in figures.TITLES.values():
        head += [title, "of the teacher's"]
    head += ["terms", "empty"]
    lines = []
    for row in rows:
        cells = [row["collection"], _name(row)]
        for measure in figures.TITLES:
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
