"""The family, the grid, and what was measured of every cell."""

from collections.abc import Sequence
from statistics import fmean

from reproductions.pages.markdown import table
from reproductions.scaling.results import MEASURES, Row
from reproductions.scaling.study import HUMAN, QUERIES, USUAL, Study, parameters

NOT_MEASURED = (
    "Not measured yet: `results.csv` has no row of this. "
    "`python reproductions/scaling/run.py --only {}` measures it.\n"
)
MUCH = 0.05
"""Relative fall in entropy, by more steps, above which a cell had too few."""
_TITLES = {"ndcg@10": "nDCG@10", "recall@100": "R@100"}


def family(plan: Study) -> str:
    """The models, by size."""
    head = ("size", "layers", "width", "heads", "MLP", "non-embedding parameters")
    keys = ("layers", "hidden", "heads", "intermediate")
    return table(
        head,
        [
            (name, *(str(size[key]) for key in keys), f"{parameters(size):,}")
            for name, size in plan.sizes.items()
        ],
    )


def grid(plan: Study) -> str:
    """The groups of cells."""
    rows = []
    for one in plan.grid:
        rows.append(
            (
                one["group"],
                ", ".join(one["sizes"]),
                ", ".join(f"{pairs:,}" for pairs in one["pairs"]),
                ", ".join(one.get("sources", [HUMAN])),
                ", ".join(one.get("paradigms", plan.paradigms)),
                ", ".join(map(str, one["seeds"])),
                str(one.get("steps", "as above")),
            )
        )
    return table(("group", "sizes", "pairs", "sources", "paradigms", "seeds", "steps"), rows)


def table_of(rows: Sequence[Row], plan: Study) -> str:
    """Every cell that was measured."""
    if not rows:
        return NOT_MEASURED.format(" ".join(plan.groups))
    ranked = [f"{name} {measure}" for name in plan.collections for measure in MEASURES]
    titles = [f"{name} {_TITLES[measure]}" for name in plan.collections for measure in MEASURES]
    return table(
        ("cell", "N", "D", "entropy", *titles, "terms q / p", "minutes"),
        [
            (
                f"`{row['cell']}`",
                f"{row['parameters']:,}",
                f"{row['annotations']:,}",
                f"{row['entropy']:.4f}",
                *(f"{row[name]:.3f}" for name in ranked),
                _terms(row),
                f"{row['seconds'] / 60:.1f}",
            )
            for row in rows
        ],
    )


def missing(rows: Sequence[Row], plan: Study) -> str:
    """Name the cells of the grid that have no row yet."""
    there = {row["cell"] for row in rows}
    names = [cell.name for cell in plan.cells()]
    absent = [f"`{name}`" for name in names if name not in there]
    if not there or not absent:
        return ""
    return (
        f"{len(names) - len(absent)} of the {len(names)} cells of the grid are measured. These are "
        f"not: {', '.join(absent)}.\n"
    )


def _terms(row: Row) -> str:
    if row["query terms"] is None:
        return ""
    return f"{row['query terms']:.0f} / {row['passage terms']:.0f}"


def steps_of(plan: Study) -> str:
    """Steps by number of pairs, and how many passes over the pairs they make."""
    passes = {pairs: count * QUERIES / pairs for pairs, count in plan.steps.items()}
    return table(
        ("pairs", "steps", "passes"),
        [(f"{n:,}", f"{count:,}", f"{passes[n]:.1f}") for n, count in plan.steps.items()],
    )


def steps(rows: Sequence[Row]) -> str:
    """What another number of steps changes."""
    lines = [
        (
            other["paradigm"],
            f"{other['annotations']:,}",
            f"{same['steps']:,}: {same['entropy']:.4f}",
            f"{other['steps']:,}: {other['entropy']:.4f}",
            f"{100 * _change(same, other):+.1f} %",
        )
        for same, other in _other_steps(rows)
    ]
    if not lines:
        return NOT_MEASURED.format("steps")
    return table(("paradigm", "D", "steps: entropy", "other steps: entropy", "change"), lines)


def unfinished(rows: Sequence[Row]) -> str:
    """Warn of each paradigm whose entropy more steps lower by more than :data:`MUCH`."""
    falls: dict[str, tuple[float, int]] = {}
    for same, other in _other_steps(rows):
        fall = -_change(same, other)
        known, _ = falls.get(same["paradigm"], (MUCH, 0))
        if other["steps"] > same["steps"] and fall > known:
            falls[same["paradigm"]] = fall, same["annotations"]
    return "".join(
        f"- **{paradigm}** cells with {pairs:,} pairs have too few steps: more of them lower the "
        f"entropy by {100 * fall:.1f} %. Longer training may give other exponents.\n"
        for paradigm, (fall, pairs) in falls.items()
    )


def _other_steps(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Cells with the usual number of steps, each with the same cell of another number."""
    usual = {(*_setting(row), row["seed"]): row for row in rows if row["schedule"] == USUAL}
    others = [(usual.get((*_setting(row), row["seed"])), row) for row in rows]
    return [(same, row) for same, row in others if same and row["schedule"] != USUAL]


def _change(same: Row, other: Row) -> float:
    return float(other["entropy"] / same["entropy"] - 1)


def seeds(rows: Sequence[Row]) -> str:
    """Cells that were trained with several seeds."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((*_setting(row), row["steps"]), []).append(row)
    lines = []
    for same in groups.values():
        found = [row["entropy"] for row in same]
        if len(found) > 1:
            spread = (max(found) - min(found)) / fmean(found)
            lines.append(
                (
                    same[0]["paradigm"],
                    same[0]["size"],
                    f"{same[0]['annotations']:,}",
                    ", ".join(f"{one:.4f}" for one in found),
                    f"{100 * spread:.1f} %",
                )
            )
    if not lines:
        return NOT_MEASURED.format("seeds")
    return table(("paradigm", "size", "D", "entropies", "spread"), lines)


def _setting(row: Row) -> tuple[object, ...]:
    return row["paradigm"], row["size"], row["annotations"], row["source"]
