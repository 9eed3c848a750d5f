"""The best N and D of a budget, and the cheapest N and D of an entropy.

Both searches walk along a curve, an iso-cost or an iso-loss curve, on which D follows from N. So
each is a search over log N alone: a grid, then a finer one around its best point, and so on. A
grid finds the lowest of several minima, and runs for all laws of a bootstrap at once.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from llm_encoders.scaling.laws.law import Array
from llm_encoders.scaling.plan.cost import Cost
from llm_encoders.scaling.plan.surface import Space, Surface

# Of 23 nats, the first grid leaves 0.4 and every finer one an eighth: the last is finer than the
# rounding of an entropy.
_GRIDS = (129, *(17,) * 10)


class Choice(NamedTuple):
    """N and D, each float64 [laws]; NaN where there is none."""

    parameters: Array
    annotations: Array


def affordable(cost: Cost, budget: float, space: Space) -> float:
    """The largest N that the budget pays for with the fewest annotations; 0 if there is none."""
    largest = cost.affordable_parameters(budget, space.annotations[0])
    return min(largest, space.parameters[1]) if largest >= space.parameters[0] else 0.0


def best(surface: Surface, cost: Cost, budget: float, space: Space) -> Choice:
    """The N and D of lowest entropy whose cost is within a budget.

    Args:
        surface: the entropy.
        cost: Z(N, D).
        budget: money.
        space: bounds of N and D.

    Returns:
        One choice a law; NaN if the budget does not pay for the smallest N and D.
    """
    largest = affordable(cost, budget, space)
    if not largest:
        return Choice(*np.full((2, surface.laws), np.nan))

    def objective(parameters: Array) -> Array:
        return surface.above_floor(parameters, _annotations(cost, budget, parameters, space))

    ends = np.log((space.parameters[0], largest))
    parameters = _lowest(objective, *(np.full(surface.laws, end) for end in ends))
    return Choice(parameters, _annotations(cost, budget, parameters, space))


def best_of(
    surface: Surface, cost: Cost, budget: float, space: Space, sizes: Sequence[float]
) -> Array:
    """Entropy that a budget reaches with models of given sizes: float64 [laws, sizes].

    It is infinite for a model that the budget does not pay for with the fewest annotations.
    """
    parameters = np.asarray(sizes, np.float64)[None]
    found = surface.entropy(parameters, _annotations(cost, budget, parameters, space))
    paid = cost.affordable_annotations(budget, parameters) >= space.annotations[0]
    return np.where(paid, found, np.inf)


def cheapest(surface: Surface, cost: Cost, entropy: float, space: Space) -> Choice:
    """The N and D of lowest cost whose entropy is at most a given one.

    Returns:
        One choice a law; NaN where no N and D of the space reach that entropy.
    """
    smallest = surface.parameters_for(entropy, space.annotations[1], space)[:, 0]
    reached = np.isfinite(smallest)
    low = np.log(np.where(reached, smallest, space.parameters[0]))

    def objective(parameters: Array) -> Array:
        return _money(cost, parameters, surface.annotations_for(entropy, parameters, space))

    parameters = _lowest(objective, low, np.full(surface.laws, np.log(space.parameters[1])))
    annotations = surface.annotations_for(entropy, parameters[:, None], space)[:, 0]
    reached &= np.isfinite(annotations)
    return Choice(*(np.where(reached, one, np.nan) for one in (parameters, annotations)))


def cheapest_of(
    surface: Surface, cost: Cost, entropy: float, space: Space, sizes: Sequence[float]
) -> Array:
    """Money for which models of given sizes reach an entropy: float64 [laws, sizes].

    It is infinite for a model that does not reach it with the most annotations.
    """
    parameters = np.asarray(sizes, np.float64)[None]
    return _money(cost, parameters, surface.annotations_for(entropy, parameters, space))


def _annotations(cost: Cost, budget: float, parameters: Array, space: Space) -> Array:
    """What is left of the budget for annotations, within the bounds."""
    return np.clip(cost.affordable_annotations(budget, parameters), *space.annotations)


def _money(cost: Cost, parameters: Array, annotations: Array) -> Array:
    """Z(N, D); infinite where D is, even if annotations cost nothing."""
    reached = np.isfinite(annotations)
    money: Array = cost.money(parameters, np.where(reached, annotations, 1.0))
    return np.where(reached, money, np.inf)


def _lowest(objective: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """exp(x) of the lowest objective(exp(x)), for x between two ends: float64 [laws].

    Args:
        objective: takes and returns float64 [laws, grid].
        low, high: the ends, float64 [laws].
    """
    rows = np.arange(len(low))
    for points in _GRIDS:
        steps = np.linspace(0, 1, points)
        grid = low[:, None] * (1 - steps) + high[:, None] * steps
        lowest = objective(np.exp(grid)).argmin(axis=1)
        low = grid[rows, np.maximum(lowest - 1, 0)]
        high = grid[rows, np.minimum(lowest + 1, points - 1)]
    found: Array = np.exp(grid[rows, lowest])
    return found
