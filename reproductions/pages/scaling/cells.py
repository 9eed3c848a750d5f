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


def _terms(row: Row) -> str:
    if row["query terms"] is None:
        return ""
    return f"{row['query terms']:.0f} / {row['passage terms']:.0f}"


def steps_of(plan: Study) -> str:
    """The steps of a cell, and how often they go through its pairs."""
    passes = {pairs: count * QUERIES / pairs for pairs, count in plan.steps.items()}
    return table(
        ("pairs", "steps", "passes"),
        [(f"{n:,}", f"{count:,}", f"{passes[n]:.1f}") for n, count in plan.steps.items()],
    )


def steps(rows: Sequence[Row]) -> str:
    """What another number of steps changes."""
    usual = {(*_setting(row), row["seed"]): row for row in rows if row["schedule"] == USUAL}
    lines = []
    for row in rows:
        same = usual.get((*_setting(row), row["seed"])) if row["schedule"] != USUAL else None
        if same:
            change = row["entropy"] / same["entropy"] - 1
            lines.append(
                (
                    row["paradigm"],
                    f"{row['annotations']:,}",
                    f"{same['steps']:,}: {same['entropy']:.4f}",
                    f"{row['steps']:,}: {row['entropy']:.4f}",
                    f"{100 * change:+.1f} %",
                )
            )
    if not lines:
        return NOT_MEASURED.format("steps")
    return table(("paradigm", "D", "steps: entropy", "other steps: entropy", "change"), lines)


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
