"""A picture of a plan: iso-cost and iso-loss curves, the optima and the cloud around them."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm_encoders.errors import UsageError
from llm_encoders.scaling.plan.answer import BEST, CHEAPEST, Answer
from llm_encoders.scaling.plan.cautions import title
from llm_encoders.scaling.plan.planning import Plan
from llm_encoders.scaling.plan.quantity import written
from llm_encoders.scaling.plan.report import group_name

FORMATS = (".svg", ".png", ".pdf")
_GREY = "#999999"
_COLOURS = {False: "#2b6cb0", True: "#c05621"}
_MARKS = {BEST: "*", CHEAPEST: "D"}


def check(path: Path) -> None:
    """Refuse a file that no plot can be written to.

    Raises:
        UsageError: its suffix is none of :data:`FORMATS`.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"--plot {path}: name a file that ends in {', '.join(FORMATS)}.")


def plot(plans: Sequence[Plan], kind: str) -> bytes:
    """One panel a law; the same plans give the same bytes.

    Args:
        plans: what is drawn.
        kind: suffix of the file, one of :data:`FORMATS`.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "plan"}):
        figure = Figure(figsize=(7 * len(plans), 5.5), layout="constrained")
        panels = figure.subplots(1, len(plans), squeeze=False)[0]
        for axes, plan in zip(panels, plans, strict=True):
            _draw(axes, plan)
        stream = io.BytesIO()
        dated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        figure.savefig(stream, format=kind.lower()[1:], metadata=dated.get(kind.lower()))
    return stream.getvalue()


def _draw(axes: Any, plan: Plan) -> None:
    for curve in plan.curves:
        colour = _GREY if curve.inference is None else _COLOURS[curve.inference]
        style = "--" if curve.inference is None else "-"
        axes.plot(curve.parameters, curve.annotations, style, color=colour, linewidth=0.9)
        loss = curve.inference is None
        label, end = (f"{curve.value:.3g} nats", 0) if loss else (written(curve.value), -1)
        place = curve.parameters[end], curve.annotations[end]
        axes.annotate(label, place, fontsize=7, color=colour)
    for answer in plan.answers:
        _mark(axes, answer)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("parameters N, without embeddings")
    axes.set_ylabel("annotations D")
    group = group_name(plan.fitted)
    axes.set_title(f"{plan.fitted.law.name}{f', {group}' if group else ''}")
    axes.legend(fontsize=8)


def _mark(axes: Any, answer: Answer) -> None:
    colour = _COLOURS[answer.inference]
    if answer.cloud is not None:
        cloud = answer.cloud
        axes.plot(cloud.parameters, cloud.annotations, ".", color=colour, alpha=0.25, markersize=3)
    possible = [one for _, one in answer.models if one is not None]
    axes.plot(
        [one.parameters for one in possible],
        [one.annotations for one in possible],
        "o",
        color=colour,
        markerfacecolor="none",
    )
    name = f" ({answer.chosen.name})" if answer.chosen else ""
    axes.plot(
        answer.plan.parameters,
        answer.plan.annotations,
        _MARKS[answer.question],
        color=colour,
        markersize=11,
        markeredgecolor="black",
        label=f"{title(answer)}{name}",
    )
