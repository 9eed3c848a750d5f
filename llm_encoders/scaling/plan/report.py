"""A plan as text for people, and as JSON."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from llm_encoders.scaling.laws.fitted import FittedLaw
from llm_encoders.scaling.plan.answer import BEST, Answer, Point
from llm_encoders.scaling.plan.cautions import title
from llm_encoders.scaling.plan.cloud import LEVELS
from llm_encoders.scaling.plan.planning import Plan, Task
from llm_encoders.scaling.plan.prices import Prices
from llm_encoders.scaling.plan.quantity import written

FORMAT = "llm_encoders.scaling.plan/1"
_OUT = "–"


def as_json(plans: Sequence[Plan], task: Task, prices: Prices, laws: Mapping[str, Any]) -> str:
    """The whole of a plan.

    Args:
        plans: one a law.
        task: what was asked.
        prices: as they were given.
        laws: name and fingerprint of the file of laws, and the conditions of its points.
    """
    content = {
        "format": FORMAT,
        "laws": dict(laws),
        "prices": prices.given(),
        "budget": task.budget,
        "target_entropy": task.entropy,
        "bounds": {
            "parameters": list(task.space.parameters),
            "annotations": list(task.space.annotations),
        },
        "models": [model._asdict() for model in task.models],
        "cost": [
            {"inference": inference, "items": {name: vars(one) for name, one in items.items()}}
            for inference, items in task.bills.items()
        ],
        "plans": [one.to_json() for one in plans],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_text(
    plans: Sequence[Plan], task: Task, laws: Path, conditions: Mapping[str, str] | None = None
) -> str:
    """What is printed.

    Args:
        plans: one a law.
        task: what was asked.
        laws: the file of laws.
        conditions: what all points of the laws share, such as their temperature.
    """
    parts = []
    for plan in plans:
        parts.append(_heading(plan.fitted, laws, conditions or {}))
        for question in dict.fromkeys(one.question for one in plan.answers):
            answers = [one for one in plan.answers if one.question == question]
            parts.append(_asked(question, task))
            parts.append(_table(answers))
            parts += [_models(one) for one in answers if one.models]
        if plan.warnings:
            parts.append("".join(f"warning: {text}\n" for text in plan.warnings))
    return "\n".join(parts)


def group_name(fitted: FittedLaw) -> str:
    """``paradigm=sparse``; empty where all points have one law."""
    return ", ".join(f"{key}={value}" for key, value in fitted.group.items())


def _heading(fitted: FittedLaw, laws: Path, conditions: Mapping[str, str]) -> str:
    group = group_name(fitted)
    values = ", ".join(f"{name} = {value:.4g}" for name, value in fitted.values.items())
    return (
        f"Law {fitted.law.name}{f' of {group}' if group else ''}, from {laws}\n"
        f"  {fitted.law.equation}\n  {values}\n{_conditions(conditions)}"
    )


def _conditions(conditions: Mapping[str, str]) -> str:
    shared = ", ".join(f"{key} {value}" for key, value in conditions.items())
    return f"  measured with {shared}\n" if shared else ""


def _asked(question: str, task: Task) -> str:
    if question == BEST:
        assert task.budget is not None
        return f"The lowest entropy for {written(task.budget)}\n"
    return f"The lowest cost of an entropy of {task.entropy:g}\n"


def _table(answers: Sequence[Answer]) -> str:
    rows: list[tuple[str, list[str]]] = [
        ("", [title(one).partition(", ")[2] for one in answers]),
    ]
    if any(one.chosen for one in answers):
        rows.append(("model", [one.chosen.name if one.chosen else _OUT for one in answers]))

    def add(name: str, value: Callable[[Point], str]) -> None:
        rows.append((name, [value(one.plan) for one in answers]))

    add("parameters N", lambda one: written(one.parameters))
    add("annotations D", lambda one: written(one.annotations))
    add("entropy, nats", lambda one: f"{one.entropy:.4f}")
    add("cost", lambda one: written(one.money))
    for item in dict.fromkeys(name for one in answers for name in one.plan.bill):
        add(f"  {item}", lambda one, item=item: _money(one.bill.get(item)))  # type: ignore[misc]
    add("one more unit of money lowers the entropy by", lambda one: "")
    add("  spent on N", lambda one: _gain(one.gains["parameters"]))
    add("  spent on D", lambda one: _gain(one.gains["annotations"]))
    rows += _uncertainty(answers)
    return _aligned(rows)


def _uncertainty(answers: Sequence[Answer]) -> Iterable[tuple[str, list[str]]]:
    if not any(one.cloud and one.cloud.quantiles() for one in answers):
        return
    yield "95 % of the bootstrap's optima, of any N", [""] * len(answers)
    best = answers[0].question == BEST
    names = {
        "parameters": "  parameters N",
        "annotations": "  annotations D",
        **({"entropy": "  entropy, nats"} if best else {"money": "  cost"}),
        "planned": "  entropy of this plan",
    }
    for key, name in names.items():
        cells = []
        for one in answers:
            quantiles = one.cloud.quantiles() if one.cloud else {}
            ends = [quantiles.get(key, {}).get(f"{level:g}") for level in (LEVELS[0], LEVELS[-1])]
            show = "{:.4f}".format if key in ("entropy", "planned") else written
            cells.append(_OUT if None in ends else " to ".join(show(end) for end in ends if end))
        yield name, cells


def _models(answer: Answer) -> str:
    """All real models of one answer, with what becomes of each."""
    shares = answer.cloud.shares if answer.cloud else {}
    rows = [("", ["parameters N", "annotations D", "entropy", "cost", "best in"])]
    for model, point in answer.models:
        cells = [written(model.parameters)]
        if point is None:
            cells += [_OUT, _OUT, "too expensive" if answer.question == BEST else "out of reach"]
        else:
            cells += [written(point.annotations), f"{point.entropy:.4f}", written(point.money)]
        cells.append(f"{100 * shares[model.name]:.0f} %" if shares else _OUT)
        rows.append((model.name, cells))
    optimum = answer.optimum
    rows.append(
        (
            "(any N)",
            [
                written(optimum.parameters),
                written(optimum.annotations),
                f"{optimum.entropy:.4f}",
                written(optimum.money),
                "",
            ],
        )
    )
    return f"Models, {title(answer).partition(', ')[2]}\n{_aligned(rows)}"


def _aligned(rows: Sequence[tuple[str, list[str]]]) -> str:
    first = max(len(name) for name, _ in rows)
    columns = len(rows[0][1])
    widths = [max(len(cells[place]) for _, cells in rows) for place in range(columns)]
    lines = []
    for name, cells in rows:
        padded = "  ".join(f"{one:>{width}}" for one, width in zip(cells, widths, strict=True))
        lines.append(f"  {name:{first}}  {padded}".rstrip() + "\n")
    return "".join(lines)


def _money(value: float | None) -> str:
    return _OUT if value is None else written(value)


def _gain(value: float | None) -> str:
    return "costs nothing" if value is None else f"{value:.3g}"
