"""What a fit leaves unsettled: sentences, each of which names the parameter."""

from collections.abc import Mapping, Sequence

import numpy as np

from llm_encoders.scaling.fit.figures import number
from llm_encoders.scaling.fit.form import Form
from llm_encoders.scaling.laws.fitted import DECADE
from llm_encoders.scaling.laws.law import Array

_NEAR = 1e-3
_FAR = 6.0  # times the robust standard deviation
_LISTED = 5
_ROUNDING = 1e-6
_LITTLE = 0.5  # of the variance; noise alone explains as much with few points


def at_bounds(form: Form, theta: Array) -> list[str]:
    """Parameters whose best value lies at the end of what is searched.

    Args:
        theta: of one fit: [parameters].
    """
    found = []
    for name, value, low, high in zip(form.names, theta, *form.bounds, strict=True):
        if name == form.law.floor:
            if value == low:
                found.append(
                    f"{name} is at its bound, 0: the points show no floor. The law without it "
                    "(--delta without) has one parameter less."
                )
        elif value <= low + _NEAR or value >= high - _NEAR:
            end = "smallest" if value <= low + _NEAR else "largest"
            found.append(
                f"{name} is at the {end} value that is searched; the points do not settle it."
            )
    return found


def wide(intervals: Mapping[str, tuple[float, float]], floor: str) -> list[str]:
    """Parameters whose interval is wider than a decade."""
    found = []
    for name, (low, high) in intervals.items():
        if name == floor and low == 0 < high:
            found.append(
                f"{name} cannot be distinguished from 0: its interval is 0 to {number(high)}. "
                "Larger models or more annotations would show it."
            )
        elif high > DECADE * low:
            width = f"{np.log10(high) - np.log10(low):.1f} decades" if low else "more than a decade"
            found.append(
                f"{name} is not settled by the points: its interval, {number(low)} to "
                f"{number(high)}, spans {width}."
            )
    return found


def poor(r2: float | None) -> list[str]:
    """A law that explains less than half of the variance.

    Args:
        r2: R²; ``None`` where all entropies are equal.
    """
    if r2 is None or r2 >= _LITTLE:
        return []
    what = f"it explains {100 * r2:.0f} % of the variance" if r2 > 0 else "a constant does better"
    return [f"The points do not follow the law: R² is {r2:.3f}, {what}. Do not forecast by it."]


def far_off(residuals: Array, scale: float, lines: Sequence[int]) -> list[str]:
    """Points that lie much farther from the law than most.

    Args:
        residuals: log(measured/predicted): [points].
        scale: their robust standard deviation.
        lines: of the points in their file.
    """
    distances = np.abs(residuals) / scale
    worst = [place for place in np.argsort(-distances) if distances[place] > _FAR][:_LISTED]
    return [
        f"The point on line {lines[place]} lies {abs(np.expm1(residuals[place])):.0%} "
        f"{'above' if residuals[place] > 0 else 'below'} the law, {distances[place]:.0f} times the "
        "usual distance. It hardly moves the law, but widens all intervals. Check that run."
        for place in worst
        if abs(residuals[place]) > _ROUNDING
    ]
