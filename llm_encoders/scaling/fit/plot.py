"""Laws and their points on logarithmic scales, with bands, as SVG."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from llm_encoders.scaling.fit.bootstrap import LEVEL
from llm_encoders.scaling.fit.figures import number
from llm_encoders.scaling.fit.points import Points
from llm_encoders.scaling.laws.fitted import FittedLaw
from llm_encoders.scaling.laws.law import ANNOTATIONS, OTHER, PARAMETERS

_LABELS = {
    PARAMETERS: "N, parameters without embeddings",
    ANNOTATIONS: "D, annotations",
}
_CURVES = 6  # of a panel, at most
_STEPS = 60


def file_name(fitted: FittedLaw) -> str:
    """Of the plot: the law's name and its group's values."""
    parts = [fitted.law.name, *fitted.group.values()]
    safe = ("".join(c if c.isalnum() or c in "-." else "_" for c in part) for part in parts)
    return "-".join(safe) + ".svg"


def plot(fitted: FittedLaw, points: Points) -> bytes:
    """An SVG: a panel for each size that the law uses; the same input gives the same bytes.

    Args:
        points: those that the law was fitted to.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "scaling"}):
        uses = fitted.law.uses
        figure = Figure(figsize=(5.5 * len(uses), 4), layout="constrained")
        group = ", ".join(fitted.group.values())
        figure.suptitle(f"{fitted.law.equation}{f' ({group})' if group else ''}", fontsize=10)
        for axes, size in zip(np.atleast_1d(figure.subplots(1, len(uses))), uses, strict=True):
            _panel(axes, fitted, points, size)
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def _panel(axes: Any, fitted: FittedLaw, points: Points, size: str) -> None:
    values = points.sizes[size]
    grid = np.geomspace(values.min(), values.max() * 3, _STEPS)
    other = OTHER[size]
    shown: list[float | None] = [None]
    if other in fitted.law.uses:
        known = np.unique(points.sizes[other])
        places = np.linspace(0, len(known) - 1, min(_CURVES, len(known))).round().astype(int)
        shown = known[places].tolist()
    for place, value in enumerate(shown):
        colour = f"C{place}"
        sizes: Mapping[str, Any] = {size: grid} | ({} if value is None else {other: value})
        chosen = slice(None) if value is None else points.sizes[other] == value
        label = (
            None if value is None else f"{'D' if other == ANNOTATIONS else 'N'} = {number(value)}"
        )
        axes.plot(values[chosen], points.entropy[chosen], "o", color=colour, markersize=4)
        axes.plot(grid, fitted.predict(**sizes), color=colour, linewidth=1, label=label)
        draws = fitted.draws(**sizes)
        if draws is not None:
            low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
            axes.fill_between(grid, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.axvline(values.max(), color="#999999", linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(_LABELS[size])
    axes.set_ylabel("L, contrastive entropy (nats)")
    if any(value is not None for value in shown):
        axes.legend(fontsize=7)
