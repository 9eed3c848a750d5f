"""A law with the values of its parameters, and what is known about how good they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from llm_encoders.scaling.laws.law import Array, Law

DECADE = 10.0
"""Beyond the points, a forecast; between the ends of an interval, a guess."""


@dataclass(frozen=True)
class Bootstrap:
    """Values of a law's parameters, fitted to redrawn points.

    Args:
        parameters: names of the columns of ``values``.
        values: float64 [draws, parameters].
        seed: of the draws.
    """

    parameters: tuple[str, ...]
    values: Array
    seed: int

    def columns(self) -> dict[str, Array]:
        """Values by name, each float64 [draws]."""
        return {name: self.values[:, place] for place, name in enumerate(self.parameters)}


@dataclass(frozen=True)
class HoldOut:
    """How well a law fitted to small points predicts the largest ones.

    Args:
        rule: which points were held out: ``largest parameters``, ``largest annotations`` or
            ``largest parameters and annotations``.
        trained: number of points that the law was fitted to.
        tested: number of points held out.
        rms_log: root mean square of log(measured/predicted) over the points held out.
        worst: its largest absolute value.
        inside_interval: how many of them lie in the interval of the forecast; ``None`` without one.
    """

    rule: str
    trained: int
    tested: int
    rms_log: float
    worst: float
    inside_interval: int | None


@dataclass(frozen=True)
class Criterion:
    """An information criterion with and without the floor (delta or E); lower is better.

    Args:
        name: of the criterion.
        with_delta: its value with the floor; ``None`` with too few points for it.
        without_delta: with the floor fixed at 0; ``None`` likewise.
        chosen: ``with_delta`` or ``without_delta``, whichever it prefers.
    """

    name: str
    with_delta: float | None
    without_delta: float | None
    chosen: str


@dataclass(frozen=True)
class FittedLaw:
    """A law with values.

    Args:
        law: the equation.
        values: of its parameters.
        group: columns and their values, where every group of points has a law of its own.
        with_delta: whether the floor was fitted; otherwise it is 0.
        interval: lower and upper end by parameter; ``None`` where nothing is known.
        level: of the intervals.
        bootstrap: ``None`` where there is none, as for values out of a paper.
        scatter: standard deviation of log(measured/predicted) of one measurement.
        r2: share of the variance of entropy that is explained.
        r2_log: of log entropy.
        rms_log: root mean square of log(measured/predicted) of the points it was fitted to.
        hold_out: what predictions of the largest points were worth, one a rule.
        criterion: with or without the floor?
        range: smallest and largest of ``parameters`` and ``annotations`` among the points.
        fixed: what all points share, as ``{"annotations": 100000.0}`` for a law of model size.
        points: how many.
        warnings: sentences; each names the parameter that it is about.
    """

    law: Law
    values: Mapping[str, float]
    group: Mapping[str, str] = field(default_factory=dict)
    with_delta: bool = True
    interval: Mapping[str, tuple[float, float]] | None = None
    level: float | None = None
    bootstrap: Bootstrap | None = None
    scatter: float | None = None
    r2: float | None = None
    r2_log: float | None = None
    rms_log: float | None = None
    hold_out: tuple[HoldOut, ...] = ()
    criterion: Criterion | None = None
    range: Mapping[str, tuple[float, float]] | None = None
    fixed: Mapping[str, float] = field(default_factory=dict)
    points: int | None = None
    warnings: tuple[str, ...] = ()

    def predict(
        self, parameters: ArrayLike | None = None, annotations: ArrayLike | None = None
    ) -> Array:
        """Entropy in nats; see :meth:`llm_encoders.scaling.laws.law.Law.predict`."""
        return self.law.predict(self.values, parameters, annotations)

    def beyond(self, name: str, size: float) -> float:
        """How many times a size exceeds the largest of the points, or falls below the smallest.

        Args:
            name: ``parameters`` or ``annotations``.
            size: N or D.

        Returns:
            At most 1 among the points; 1 where their range is not known.
        """
        low, high = (self.range or {}).get(name, (size, size))
        return max(size / high, low / size)

    def draws(
        self, parameters: ArrayLike | None = None, annotations: ArrayLike | None = None
    ) -> Array | None:
        """Entropy by every law of the bootstrap: float64 [draws, …]; ``None`` without one.

        Args:
            parameters: N, of any shape that can be broadcast with D.
            annotations: D.
        """
        if self.bootstrap is None:
            return None
        sizes = [
            None if one is None else np.asarray(one, float)[None]
            for one in (parameters, annotations)
        ]
        axes = max((one.ndim for one in sizes if one is not None), default=1) - 1
        values = {
            name: column.reshape(-1, *(1,) * axes)
            for name, column in self.bootstrap.columns().items()
        }
        return self.law.predict(values, *sizes)
