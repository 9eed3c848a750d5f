"""One answer: the N and D that are best, what they cost, and what more money would buy."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llm_encoders.errors import EncoderError
from llm_encoders.scaling.plan.cloud import Cloud
from llm_encoders.scaling.plan.cost import Cost, total
from llm_encoders.scaling.plan.models import Model
from llm_encoders.scaling.plan.surface import Surface

BEST, CHEAPEST = "best", "cheapest"
"""What is asked: the lowest entropy of a budget, or the lowest cost of an entropy."""


@dataclass(frozen=True)
class Point:
    """A model size and a number of annotations.

    Args:
        parameters: N.
        annotations: D.
        entropy: in nats, by the law.
        bill: money by item.
        gains: nats that one more unit of money lowers the entropy by, spent on ``parameters`` and
            on ``annotations``; ``None`` where these cost nothing.
    """

    parameters: float
    annotations: float
    entropy: float
    bill: Mapping[str, float]
    gains: Mapping[str, float | None]

    @property
    def money(self) -> float:
        """The whole bill."""
        return sum(self.bill.values())

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "parameters": self.parameters,
            "annotations": self.annotations,
            "entropy": self.entropy,
            "cost": {**self.bill, "total": self.money},
            "gain_per_unit_of_money": dict(self.gains),
        }


@dataclass(frozen=True)
class Answer:
    """What is best, with or without the cost of inference.

    Args:
        question: :data:`BEST` or :data:`CHEAPEST`.
        inference: whether the money pays for inference, too.
        optimum: the best of all N and D.
        models: real models with the best D of each; ``None`` for one that is out of the question.
        chosen: which of them is best; ``None`` without models.
        cloud: the optima of a bootstrap; ``None`` without one.
        bounds: sentences on the bounds at which the plan stands.
    """

    question: str
    inference: bool
    optimum: Point
    models: Sequence[tuple[Model, Point | None]] = ()
    chosen: Model | None = None
    cloud: Cloud | None = None
    bounds: Sequence[str] = field(default=())

    @property
    def plan(self) -> Point:
        """What is recommended: the chosen model, or the optimum without models."""
        points = dict(self.models)
        return (self.chosen and points[self.chosen]) or self.optimum

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        cloud = self.cloud
        return {
            "question": self.question,
            "inference": self.inference,
            "optimum": self.optimum.to_json(),
            "chosen": self.chosen and self.chosen.name,
            "models": [
                {"name": model.name, "size": model.parameters, "plan": point and point.to_json()}
                for model, point in self.models
            ],
            "cloud": cloud
            and {
                "quantiles": cloud.quantiles(),
                "unsolved": cloud.unsolved,
                "shares": cloud.shares,
                "parameters": cloud.parameters.tolist(),
                "annotations": cloud.annotations.tolist(),
                "entropy": cloud.entropy.tolist(),
                "money": cloud.money.tolist(),
            },
        }


def point(
    surface: Surface, items: Mapping[str, Cost], parameters: float, annotations: float
) -> Point:
    """N and D with their entropy, bill and marginal gains.

    At an optimum between the bounds both gains are the same: the Lagrange multiplier of the budget,
    -∂L/∂N / ∂Z/∂N = -∂L/∂D / ∂Z/∂D.

    Args:
        surface: of one law.
        items: of the cost.
        parameters: N.
        annotations: D.

    Raises:
        EncoderError: the law's entropy there is not finite.
    """
    entropy = float(surface.entropy(parameters, annotations)[0, 0])
    if not math.isfinite(entropy):
        raise EncoderError(
            f"The law {surface.law.name} gives no finite entropy at {parameters:g} parameters and "
            f"{annotations:g} annotations; the values of its parameters cannot be right."
        )
    along_n, along_d = surface.slopes(parameters, annotations)
    cost = total(items)
    per_parameter, per_annotation = cost.of_parameter(annotations), cost.of_annotation(parameters)
    return Point(
        parameters=parameters,
        annotations=annotations,
        entropy=entropy,
        bill={name: float(one.money(parameters, annotations)) for name, one in items.items()},
        gains={
            "parameters": -along_n / per_parameter if per_parameter > 0 else None,
            "annotations": -along_d / per_annotation if per_annotation > 0 else None,
        },
    )
