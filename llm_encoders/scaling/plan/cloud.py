"""What a fit's uncertainty makes of a plan: the optima of all laws of the bootstrap."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llm_encoders.scaling.laws.law import Array
from llm_encoders.scaling.plan.cost import Cost
from llm_encoders.scaling.plan.models import Model
from llm_encoders.scaling.plan.optimum import Choice
from llm_encoders.scaling.plan.surface import Surface

LEVELS = (0.025, 0.25, 0.5, 0.75, 0.975)
"""Quantiles that are reported; the outer ones bound 95 % of the optima."""


@dataclass(frozen=True)
class Cloud:
    """The optima of the laws of a bootstrap.

    Args:
        parameters: N of every law that has an optimum.
        annotations: its D.
        entropy: its entropy in nats, by that law.
        money: its cost.
        planned: the entropy of the plan's own N and D by the same law.
        unsolved: laws that have none, such as one whose floor lies above the wanted entropy.
        shares: share of the laws by which each real model is the best; empty without models.
    """

    parameters: Array
    annotations: Array
    entropy: Array
    money: Array
    planned: Array
    unsolved: int
    shares: dict[str, float]

    def quantiles(self) -> dict[str, dict[str, float]]:
        """By quantity, then by level; empty if no law has an optimum."""
        if not len(self.parameters):
            return {}
        found = {
            "parameters": self.parameters,
            "annotations": self.annotations,
            "entropy": self.entropy,
            "money": self.money,
            "planned": self.planned,
        }
        return {
            name: {f"{level:g}": float(np.quantile(one, level)) for level in LEVELS}
            for name, one in found.items()
        }


def of_choices(
    draws: Surface,
    cost: Cost,
    choices: Choice,
    plan: tuple[float, float],
    models: Sequence[Model],
    merit: Array | None,
) -> Cloud:
    """The cloud of the best choices of every law.

    Args:
        draws: the laws.
        cost: Z(N, D).
        choices: their best N and D; NaN where there is none.
        plan: N and D that are planned.
        models: real models, if any.
        merit: what is to be lowest among the models, float64 [laws, models]; infinite for a model
            that is out of the question.
    """
    entropy = draws.entropy(choices.parameters[:, None], choices.annotations[:, None])[:, 0]
    planned = draws.entropy(*plan)[:, 0]
    solved = np.isfinite(entropy)
    return Cloud(
        parameters=choices.parameters[solved],
        annotations=choices.annotations[solved],
        entropy=entropy[solved],
        money=cost.money(choices.parameters[solved], choices.annotations[solved]),
        planned=planned[solved],
        unsolved=int((~solved).sum()),
        shares=_shares(models, merit),
    )


def _shares(models: Sequence[Model], merit: Array | None) -> dict[str, float]:
    if merit is None:
        return {}
    possible = merit[np.isfinite(merit).any(axis=1)]
    wins = Counter(possible.argmin(axis=1).tolist())
    return {model.name: wins[place] / len(merit) for place, model in enumerate(models)}
