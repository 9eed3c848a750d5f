"""What a reader of a plan must know: forecasts, bounds, and how little the points may say."""

import math
from collections.abc import Sequence

from llm_encoders.scaling.laws.fitted import DECADE, FittedLaw
from llm_encoders.scaling.laws.law import ANNOTATIONS, PARAMETERS
from llm_encoders.scaling.plan.answer import BEST, Answer, Point
from llm_encoders.scaling.plan.cloud import LEVELS
from llm_encoders.scaling.plan.quantity import written
from llm_encoders.scaling.plan.surface import Space

_AT_BOUND = 1e-6  # relative distance, wider than the search's accuracy


def of(fitted: FittedLaw, answers: Sequence[Answer]) -> list[str]:
    """Warnings on plans by one law."""
    found = [f"The file of laws warns: {one}" for one in fitted.warnings]
    if fitted.bootstrap is None:
        found.append(
            "The law has no bootstrap, so the plan shows no uncertainty: it is as good as the "
            "values of the law's parameters, which is unknown."
        )
    unknown = [one for one in (PARAMETERS, ANNOTATIONS) if one not in (fitted.range or {})]
    if unknown:
        found.append(
            f"The law does not say which {' and '.join(unknown)} it was fitted to, so the plan may "
            "be a forecast far beyond them."
        )
    for one in answers:
        name = title(one)
        found += [f"{name}: {text}" for text in (*_forecasts(fitted, one.plan), *one.bounds)]
        found += [f"{name}: {text}" for text in _spread(one)]
    return found


def title(answer: Answer) -> str:
    """``Budget, with inference``."""
    question = "Budget" if answer.question == BEST else "Target"
    return f"{question}, {'with' if answer.inference else 'without'} inference"


def bounds(plan: Point, space: Space, free_size: bool) -> list[str]:
    """Sentences on the bounds that a plan stands at.

    Args:
        plan: N and D.
        space: their bounds.
        free_size: whether N was free, and not that of a real model.
    """
    found = []
    pairs = [(ANNOTATIONS, plan.annotations, space.annotations)]
    if free_size:
        pairs.insert(0, (PARAMETERS, plan.parameters, space.parameters))
    for name, value, ends in pairs:
        for side, end in zip(("lower", "upper"), ends, strict=True):
            if math.isclose(value, end, rel_tol=_AT_BOUND):
                found.append(
                    f"the plan stands at the {side} bound of the {name}, {written(end)}; the "
                    f"bound decides, not the law. See --{name}-between."
                )
    return found


def _forecasts(fitted: FittedLaw, plan: Point) -> list[str]:
    found = []
    sizes = {PARAMETERS: plan.parameters, ANNOTATIONS: plan.annotations}
    for name, (low, high) in (fitted.range or {}).items():
        if (beyond := fitted.beyond(name, sizes[name])) > DECADE:
            side = "above the largest" if sizes[name] > high else "below the smallest"
            nearest = high if sizes[name] > high else low
            found.append(
                f"{written(sizes[name])} {name} are {math.log10(beyond):.1f} decades {side} of the "
                f"points, {written(nearest)}. The plan is a forecast; measure nearer to it before "
                "money is spent."
            )
    return found


def _spread(answer: Answer) -> list[str]:
    if answer.cloud is None:
        return []
    found = []
    quantiles = answer.cloud.quantiles()
    for name in (PARAMETERS, ANNOTATIONS):
        if name in quantiles:
            low, high = (quantiles[name][f"{level:g}"] for level in (LEVELS[0], LEVELS[-1]))
            if high > DECADE * low:
                found.append(
                    f"the points do not settle the {name}: 95 % of the bootstrap's optima lie "
                    f"between {written(low)} and {written(high)}."
                )
    if answer.cloud.unsolved:
        laws = answer.cloud.unsolved + len(answer.cloud.parameters)
        found.append(f"{answer.cloud.unsolved} of {laws} laws of the bootstrap have no optimum.")
    return found
