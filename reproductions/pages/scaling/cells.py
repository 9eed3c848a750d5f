"""The family, the grid, and what was measured of every cell."""

from collections.abc import Sequence
from statistics import fmean

from reproductions.pages.markdown import table
from reproductions.scaling.results import MEASURES, Row
from reproductions.scaling.study import HUMAN, USUAL, Study, parameters

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
                one.get("schedule", USUAL),
            )
        )
    return table(("group", "sizes", "pairs", "sources", "paradigms", "seeds", "schedule"), rows)


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


def sparsity(rows: Sequence[Row], plan: Study) -> str:
    """How sparse the vectors of sparse cells are, and what these cells are worth as rankers."""
    own = [row for row in rows if row["query terms"] is not None]
    if not own:
        return "No sparse cell is measured yet.\n"
    terms = {
        name: "{:,.0f} to {:,.0f}".format(*(end(row[name] for row in own) for end in (min, max)))
        for name in ("query terms", "passage terms")
    }
    best = [
        f"{max(row[f'{name} ndcg@10'] for row in own):.3f} on {name}" for name in plan.collections
    ]
    return (
        f"On average, sparse queries have {terms['query terms']} of {plan.vocabulary:,} terms and "
        f"passages {terms['passage terms']}, by cell. The best nDCG@10 of a sparse cell is "
        f"{' and '.join(best)}.\n"
    )


def _terms(row: Row) -> str:
    if row["query terms"] is None:
        return ""
    return f"{row['query terms']:.0f} / {row['passage terms']:.0f}"


def seeds(rows: Sequence[Row]) -> str:
    """Cells that were trained with several seeds."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((*setting(row), row["steps"]), []).append(row)
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
                    f"{same[0]['steps']:,}",
                    ", ".join(f"{one:.4f}" for one in found),
                    f"{100 * spread:.1f} %",
                )
            )
    if not lines:
        return NOT_MEASURED.format("seeds")
    return table(("paradigm", "size", "D", "steps", "entropies", "spread"), lines)


def setting(row: Row) -> tuple[object, ...]:
    """What cells share that differ in seed or schedule alone."""
    return row["paradigm"], row["size"], row["annotations"], row["source"]
