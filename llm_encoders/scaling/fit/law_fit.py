"""A law fitted to points, with everything that is known about the fit."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from llm_encoders.errors import listed
from llm_encoders.scaling.fit.bootstrap import LEVEL, interval, redraw
from llm_encoders.scaling.fit.deviations import Deviations
from llm_encoders.scaling.fit.eligible import cells, obstacle, thin
from llm_encoders.scaling.fit.fitting import Choice, fit
from llm_encoders.scaling.fit.form import HELD, Form
from llm_encoders.scaling.fit.hold_out import hold_out
from llm_encoders.scaling.fit.points import Points
from llm_encoders.scaling.fit.selection import at_one_size
from llm_encoders.scaling.fit.unsettled import at_bounds, far_off, poor, wide
from llm_encoders.scaling.laws.fitted import FittedLaw
from llm_encoders.scaling.laws.law import ANNOTATIONS, OTHER, PARAMETERS, Array, Law

WITH, WITHOUT, CHOSEN = "with", "without", "chosen"
FLOORS = (WITH, WITHOUT, CHOSEN)
"""Fit delta (or E) as far as the points allow, fix it at 0, or do what the criterion prefers."""
_HELD_OUT_DRAWS = 400


class Unidentifiable(Exception):
    """The points cannot identify the law's parameters; the message says why and names them."""


@dataclass(frozen=True)
class Settings:
    """How laws are fitted.

    Args:
        floor: one of :data:`FLOORS`.
        draws: of the bootstrap.
        seed: of the draws.
    """

    floor: str = WITH
    draws: int = 1000
    seed: int = 0


def points_of(law: Law, points: Points) -> tuple[Points, dict[str, float]]:
    """The points that a law is fitted to, and the size that they share if it uses one only."""
    if len(law.uses) == 2:
        return points, {}
    other = OTHER[law.uses[0]]
    chosen, value = at_one_size(points, other, law.uses[0])
    return chosen, {other: value}


def fit_law(
    law: Law, points: Points, group: Mapping[str, str], settings: Settings
) -> tuple[FittedLaw, Points]:
    """Fit a law.

    Args:
        points: alike but for N, D and seed.
        group: of the points, kept with the law.

    Returns:
        The law, and the points that it was fitted to.

    Raises:
        Unidentifiable: the points cannot identify its parameters.
    """
    points, fixed = points_of(law, points)
    sizes, measured = points.sizes, np.log(points.entropy)
    obstacles = {flag: obstacle(law, sizes, flag) for flag in (True, False)}
    if obstacles[False]:
        raise Unidentifiable(obstacles[True] if settings.floor == WITH else obstacles[False])
    fits = {}
    for flag in (True, False):
        if not obstacles[flag]:
            form = Form.of(law, sizes, flag)
            fits[flag] = (form, fit(form, measured))
    choice = Choice(fits.get(True), fits.get(False))
    criterion = choice.criterion()
    with_floor = settings.floor != WITHOUT and True in fits
    if settings.floor == CHOSEN and criterion is not None:
        with_floor = criterion.chosen == "with_delta"
    form, best = fits[with_floor]
    values = {one: float(value[0]) for one, value in form.values(best.theta).items()}
    if beyond := [one for one in ("A", "B") if values.get(one) in HELD]:
        raise Unidentifiable(
            f"{listed(beyond)} would be below {HELD[0]:g} or above {HELD[1]:g}; the law does not "
            "have the shape of these points"
        )
    deviations = Deviations.of(best.residuals[0], cells(sizes), best.theta.shape[1])
    name = ", ".join([law.name, *group.values()])
    bootstrap = redraw(form, best, deviations, settings.draws, settings.seed, name)
    fitted = set(form.names)
    intervals = {
        one: interval(column) for one, column in bootstrap.columns().items() if one in fitted
    }
    warnings = [*at_bounds(form, best.theta[0]), *thin(law, sizes)]
    if settings.floor != WITHOUT and True not in fits:
        warnings.append(f"{law.floor} is fixed at 0: {obstacles[True]}.")
    bounded = {one.split()[0] for one in warnings}
    warnings += [one for one in wide(intervals, law.floor) if one.split()[0] not in bounded]
    warnings += far_off(best.residuals[0], float(best.scale[0]), points.lines)
    predicted = law.predict(values, **{one: sizes[one] for one in law.uses})
    r2 = explained(points.entropy, predicted)
    warnings += poor(r2)
    draws = min(settings.draws, _HELD_OUT_DRAWS)
    return (
        FittedLaw(
            law=law,
            values=values,
            group=dict(group),
            with_delta=with_floor,
            interval=intervals,
            level=LEVEL,
            bootstrap=bootstrap,
            scatter=deviations.scatter,
            r2=r2,
            r2_log=explained(measured, np.log(predicted)),
            rms_log=float(np.sqrt(((measured - np.log(predicted)) ** 2).mean())),
            hold_out=hold_out(law, sizes, measured, with_floor, draws, settings.seed),
            criterion=criterion,
            range={one: _ends(sizes[one]) for one in (PARAMETERS, ANNOTATIONS)},
            fixed=fixed,
            points=len(points),
            warnings=tuple(warnings),
        ),
        points,
    )


def explained(measured: Array, predicted: Array) -> float | None:
    """R^2: 1 - sum of squared residuals over that of the deviations from the mean.

    ``None`` where all measurements are equal.
    """
    around = float(((measured - measured.mean()) ** 2).sum())
    return 1 - float(((measured - predicted) ** 2).sum()) / around if around else None


def _ends(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())
