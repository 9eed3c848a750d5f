"""Iso-loss and iso-cost curves: N and D of one entropy, and N and D of one sum of money."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from llm_encoders.scaling.laws.law import Array
from llm_encoders.scaling.plan.cost import Cost
from llm_encoders.scaling.plan.surface import Space, Surface

_POINTS = 121
COLUMNS = ("law", "group", "curve", "inference", "value", "parameters", "annotations")


@dataclass(frozen=True)
class Curve:
    """One curve.

    Args:
        kind: ``iso-loss`` or ``iso-cost``.
        value: nats, or money.
        inference: whether the money pays for inference, too; ``None`` of an iso-loss curve.
        parameters: N along it, rising.
        annotations: D along it.
    """

    kind: str
    value: float
    inference: bool | None
    parameters: Array
    annotations: Array

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "curve": self.kind,
            "value": self.value,
            "inference": self.inference,
            "parameters": self.parameters.tolist(),
            "annotations": self.annotations.tolist(),
        }


def iso_loss(surface: Surface, entropy: float, space: Space) -> Curve:
    """The fewest D of every N that reach an entropy, within the bounds."""
    parameters = np.geomspace(*space.parameters, _POINTS)
    annotations = surface.annotations_for(entropy, parameters[None], space)[0]
    return _within("iso-loss", entropy, None, parameters, annotations, space)


def iso_cost(cost: Cost, money: float, inference: bool, space: Space) -> Curve:
    """The most D of every N that a sum of money pays for, within the bounds."""
    parameters = np.geomspace(*space.parameters, _POINTS)
    annotations = cost.affordable_annotations(money, parameters)
    return _within("iso-cost", money, inference, parameters, annotations, space)


def _within(
    kind: str,
    value: float,
    inference: bool | None,
    parameters: Array,
    annotations: Array,
    space: Space,
) -> Curve:
    low, high = space.annotations
    inside = (annotations > low) & (annotations < high)
    return Curve(kind, value, inference, parameters[inside], annotations[inside])


def as_csv(curves: Iterable[tuple[str, str, Curve]]) -> str:
    """A table of all curves, one point a line.

    Args:
        curves: each with the name of its law and the name of its group.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for law, group, curve in curves:
        inference = {None: "", True: "yes", False: "no"}[curve.inference]
        for parameters, annotations in zip(curve.parameters, curve.annotations, strict=True):
            value, n, d = (repr(float(one)) for one in (curve.value, parameters, annotations))
            writer.writerow((law, group, curve.kind, inference, value, n, d))
    return stream.getvalue()
