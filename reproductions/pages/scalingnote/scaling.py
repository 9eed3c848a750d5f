"""Stage 1 at several sizes, with a power law through them."""

from collections.abc import Sequence

from reproductions.pages.markdown import table
from reproductions.pages.scalingnote import figures
from reproductions.pages.scalingnote.figures import COLUMN, QUALITY
from reproductions.pages.scalingnote.power_law import LEAST_SIZES, PowerLaw, fit
from reproductions.scalingnote.results import BODY, Row

GROUP = "scaling"


def section(rows: Sequence[Row]) -> str:
    """Quality by size, and the fitted curve of every collection."""
    own = [row for row in figures.of(rows, GROUP) if row[BODY]]
    if not own:
        return figures.not_measured(GROUP)
    collections = figures.values(own, "collection")
    lines = []
    for size in sorted({row[BODY] for row in own}):
        same = [row for row in own if row[BODY] == size]
        cells = [[row for row in same if row["collection"] == one] for one in collections]
        scores = [f"{figures.mean(cell, COLUMN):.4f}" if cell else "" for cell in cells]
        lines.append([same[0]["label"], f"{size:,}", *scores])
    curves = [_curve(own, one) for one in collections]
    return (
        table(("backbone", "parameters N of the layers", *collections), lines)
        + f"\nThe table shows {QUALITY}. The curve is 1 - {QUALITY} = a · N^b, fitted to the "
        "logarithms by least squares.\n\n" + table(("collection", "a", "b", "R²", "sizes"), curves)
    )


def points(rows: Sequence[Row], collection: str) -> tuple[list[float], list[float]]:
    """Sizes and what is missed, 1 - R@50, in order of size."""
    own = [row for row in figures.of(rows, GROUP, collection=collection) if row[BODY]]
    sizes = sorted({row[BODY] for row in own})
    missed = [1 - figures.mean([row for row in own if row[BODY] == size], COLUMN) for size in sizes]
    return [float(size) for size in sizes], missed


def law(rows: Sequence[Row], collection: str) -> PowerLaw | None:
    """The fitted curve; ``None`` where there are too few sizes or nothing is missed."""
    sizes, missed = points(rows, collection)
    if len(sizes) < LEAST_SIZES or min(missed) <= 0:
        return None
    return fit(sizes, missed)


def _curve(rows: Sequence[Row], collection: str) -> list[str]:
    sizes, _ = points(rows, collection)
    found = law(rows, collection)
    if found is None:
        reason = f"no fit: {LEAST_SIZES} sizes are needed" if len(sizes) < LEAST_SIZES else "no fit"
        return [collection, "", "", reason, str(len(sizes))]
    return [
        collection,
        f"{found.coefficient:.4g}",
        f"{found.exponent:.4f}",
        f"{found.r_squared:.4f}",
        str(len(sizes)),
    ]
