"""A plan by one fitted law: answers with and without inference, curves and warnings."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from llm_encoders.errors import EncoderError
from llm_encoders.scaling.laws.fitted import FittedLaw
from llm_encoders.scaling.laws.law import ANNOTATIONS, PARAMETERS, Array
from llm_encoders.scaling.plan import cautions, cloud, optimum
from llm_encoders.scaling.plan.answer import BEST, CHEAPEST, Answer, Point, point
from llm_encoders.scaling.plan.cost import Cost, total
from llm_encoders.scaling.plan.curves import Curve, iso_cost, iso_loss
from llm_encoders.scaling.plan.models import Model
from llm_encoders.scaling.plan.optimum import Choice
from llm_encoders.scaling.plan.quantity import written
from llm_encoders.scaling.plan.surface import Space, Surface

_LEVELS = (0.5, 1.0, 2.0)  # of the plan's money, and of its entropy above the floor
_MARGIN = 30.0  # curves reach that factor beyond all plans
_ACCURACY = 1e-12  # of a bisection


@dataclass(frozen=True)
class Task:
    """What is planned for.

    Args:
        bills: items of the cost, by whether they hold inference.
        budget: money; ``None`` if only ``entropy`` is asked for.
        entropy: wanted, in nats; ``None`` if only ``budget`` is asked for.
        space: bounds of N and D.
        models: real models to choose from; empty for any N.
    """

    bills: Mapping[bool, Mapping[str, Cost]]
    budget: float | None = None
    entropy: float | None = None
    space: Space = field(default_factory=Space)
    models: Sequence[Model] = ()


@dataclass(frozen=True)
class Plan:
    """Answers by one law.

    Args:
        fitted: the law.
        answers: one a question, without inference first.
        curves: iso-cost and iso-loss curves around them.
        warnings: sentences.
    """

    fitted: FittedLaw
    answers: Sequence[Answer]
    curves: Sequence[Curve]
    warnings: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "law": self.fitted.law.name,
            "group": dict(self.fitted.group),
            "parameters": dict(self.fitted.values),
            "answers": [one.to_json() for one in self.answers],
            "curves": [one.to_json() for one in self.curves],
            "warnings": list(self.warnings),
        }


def make_plan(fitted: FittedLaw, task: Task) -> Plan:
    """Answer every question of a task by one law.

    Raises:
        EncoderError: the law does not depend on N and D, the budget buys nothing, or the entropy is
            out of reach.
    """
    if {PARAMETERS, ANNOTATIONS} - set(fitted.law.uses):
        raise EncoderError(
            f"The law {fitted.law.name}, {fitted.law.equation}, depends on one of N and D alone, "
            "so it cannot weigh one against the other. Fit the law joint or additive."
        )
    surface, draws = Surface.of(fitted), Surface.of_draws(fitted)
    answers = []
    for question, wanted in ((BEST, task.budget), (CHEAPEST, task.entropy)):
        if wanted is not None:
            answers += [
                _Search(surface, draws, task, items, inference, question, wanted).answer()
                for inference, items in task.bills.items()
            ]
    return Plan(fitted, answers, _curves(surface, task, answers), cautions.of(fitted, answers))


@dataclass(frozen=True)
class _Search:
    """One question with one bill."""

    surface: Surface
    draws: Surface | None
    task: Task
    items: Mapping[str, Cost]
    inference: bool
    question: str
    wanted: float

    def answer(self) -> Answer:
        self._check()
        optimal = self._point(*self._of_one(self._choices(self.surface)))
        models = self._models()
        possible = [(model, one) for model, one in models if one is not None]
        if models and not possible:
            raise EncoderError(self._no_model())
        chosen = min(possible, key=self._merit_of_pair)[0] if possible else None
        plan = dict(models)[chosen] if chosen else optimal
        assert plan is not None
        return Answer(
            question=self.question,
            inference=self.inference,
            optimum=optimal,
            models=models,
            chosen=chosen,
            cloud=self._cloud(plan),
            bounds=cautions.bounds(plan, self.task.space, free_size=chosen is None),
        )

    @property
    def _cost(self) -> Cost:
        return total(self.items)

    def _choices(self, surface: Surface) -> Choice:
        search = optimum.best if self.question == BEST else optimum.cheapest
        return search(surface, self._cost, self.wanted, self.task.space)

    def _merits(self, surface: Surface) -> Array:
        search = optimum.best_of if self.question == BEST else optimum.cheapest_of
        sizes = [model.parameters for model in self.task.models]
        return search(surface, self._cost, self.wanted, self.task.space, sizes)

    def _merit_of_pair(self, pair: tuple[Model, Point]) -> float:
        return pair[1].entropy if self.question == BEST else pair[1].money

    def _models(self) -> list[tuple[Model, Point | None]]:
        if not self.task.models:
            return []
        found: list[tuple[Model, Point | None]] = []
        for model, merit in zip(self.task.models, self._merits(self.surface)[0], strict=True):
            annotations = self._annotations(model.parameters)
            possible = math.isfinite(merit)
            found.append((model, self._point(model.parameters, annotations) if possible else None))
        return found

    def _annotations(self, parameters: float) -> float:
        """The D that goes with a model of that size."""
        space = self.task.space
        if self.question == BEST:
            most = float(self._cost.affordable_annotations(self.wanted, np.array(parameters)))
            return min(max(most, space.annotations[0]), space.annotations[1])
        return float(self.surface.annotations_for(self.wanted, parameters, space)[0, 0])

    def _point(self, parameters: float, annotations: float) -> Point:
        return point(self.surface, self.items, parameters, annotations)

    def _of_one(self, choices: Choice) -> tuple[float, float]:
        return float(choices.parameters[0]), float(choices.annotations[0])

    def _cloud(self, plan: Point) -> cloud.Cloud | None:
        if self.draws is None:
            return None
        merits = self._merits(self.draws) if self.task.models else None
        choices = self._choices(self.draws)
        size = plan.parameters, plan.annotations
        return cloud.of_choices(self.draws, self._cost, choices, size, self.task.models, merits)

    def _check(self) -> None:
        if self.question == BEST:
            if not optimum.affordable(self._cost, self.wanted, self.task.space):
                raise EncoderError(self._too_little())
            return
        floor = float(self.surface.floor[0, 0])
        if self.wanted <= floor:
            raise EncoderError(
                f"An entropy of {self.wanted:g} is out of reach: by the law, no model and no "
                f"number of annotations gets below {self.surface.law.floor} = {floor:g}."
            )
        sizes = self.task.space.parameters[1], self.task.space.annotations[1]
        lowest = float(self.surface.entropy(*sizes)[0, 0])
        if self.wanted < lowest * (1 - _ACCURACY):
            raise EncoderError(
                f"An entropy of {self.wanted:g} is out of reach: {written(sizes[0])} parameters "
                f"and {written(sizes[1])} annotations, the upper bounds, get to {lowest:g}."
            )

    def _too_little(self) -> str:
        least = self.task.space.parameters[0], self.task.space.annotations[0]
        bill = {name: one.money(*least) for name, one in self.items.items()}
        parts = ", ".join(f"{name} {written(one)}" for name, one in bill.items() if one)
        hint = " --without-inference leaves it out." if self.inference else ""
        return (
            f"The budget, {written(self.wanted)}, buys nothing {self._scenario()}: the smallest "
            f"plan within the bounds, {written(least[0])} parameters and {written(least[1])} "
            f"annotations, costs {written(sum(bill.values()))} ({parts}).{hint}"
        )

    def _no_model(self) -> str:
        smallest = self.task.models[0]
        if self.question == CHEAPEST:
            return f"None of the models reaches an entropy of {self.wanted:g} within the bounds."
        least = self._cost.money(smallest.parameters, self.task.space.annotations[0])
        return (
            f"The budget, {written(self.wanted)}, pays for none of the models "
            f"{self._scenario()}: the smallest, {smallest.name}, costs at least {written(least)}."
        )

    def _scenario(self) -> str:
        return "with inference" if self.inference else "without inference"


def _curves(surface: Surface, task: Task, answers: Sequence[Answer]) -> list[Curve]:
    """Iso-cost curves of every bill and iso-loss curves, around the answers."""
    sizes, annotations = [], []
    for one in answers:
        sizes += [one.plan.parameters, one.optimum.parameters]
        annotations += [one.plan.annotations, one.optimum.annotations]
    space = Space(
        _around(sizes, task.space.parameters), _around(annotations, task.space.annotations)
    )
    floor = float(surface.floor[0, 0])
    found = []
    for one in answers:
        cost = total(task.bills[one.inference])
        found += [iso_cost(cost, level * one.plan.money, one.inference, space) for level in _LEVELS]
    entropies = dict.fromkeys(one.plan.entropy for one in answers)
    for entropy in entropies:
        found += [iso_loss(surface, floor + level * (entropy - floor), space) for level in _LEVELS]
    return [one for one in found if len(one.parameters)]


def _around(values: Sequence[float], bounds: tuple[float, float]) -> tuple[float, float]:
    """Ends of a curve: the values and a margin, within the bounds, which real models may leave."""
    low, high = min(values), max(values)
    return min(max(low / _MARGIN, bounds[0]), low), max(min(high * _MARGIN, bounds[1]), high)
