"""The printed plan shows the figures of the plan."""

import re
from pathlib import Path

import pytest

from llm_encoders.scaling.plan.cost import Cost, development, inference
from llm_encoders.scaling.plan.models import Model
from llm_encoders.scaling.plan.planning import Task, make_plan
from llm_encoders.scaling.plan.prices import Prices
from llm_encoders.scaling.plan.quantity import written
from llm_encoders.scaling.plan.report import as_text
from tests.llm_encoders.scaling.plan.laws import PRICES, fitted

ITEMS = development(Prices(**PRICES))
BILLS = {False: ITEMS, True: ITEMS | inference(Prices(**PRICES))}


def printed(task, **law):
    """The plan, its lines as :func:`cells` gives them, and its text."""
    plan = make_plan(fitted(**law), task)
    text = as_text([plan], task, Path("laws.json"))
    return plan, cells(text), text


def cells(text):
    """By name, the cells of the first line of a text that has it."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]
    return {name: rest for name, *rest in reversed(lines) if rest}


def test_the_table_of_a_budget():
    plan, lines, text = printed(Task(BILLS, 2e4), draws=9)
    points = [one.plan for one in plan.answers]
    assert lines["parameters N"] == [written(one.parameters) for one in points]
    assert lines["entropy, nats"] == [f"{one.entropy:.4f}" for one in points]
    assert lines["cost"] == ["20K", "20K"]
    assert lines["index"] == ["–", written(200.0)]
    assert lines["training"] == [written(one.bill["training"]) for one in points]
    assert lines["spent on N"] == [f"{one.gains['parameters']:.3g}" for one in points]
    assert lines["spent on D"] == [f"{one.gains['annotations']:.3g}" for one in points]
    wanted = [
        f"{written(one['0.025'])} to {written(one['0.975'])}"
        for one in (answer.cloud.quantiles()["annotations"] for answer in plan.answers)
    ]
    last = [line for line in text.splitlines() if "annotations D" in line][-1]
    assert re.split(r"\s{2,}", last.strip())[1:] == wanted
    assert "warning: The law does not say" in text


def test_the_table_of_a_target():
    plan, lines, text = printed(Task(BILLS, entropy=0.17), draws=9)
    assert lines["cost"] == [written(one.plan.money) for one in plan.answers]
    last = [line for line in text.splitlines() if line.startswith("  ") and "cost" in line][-1]
    quantiles = [answer.cloud.quantiles()["money"] for answer in plan.answers]
    wanted = [f"{written(one['0.025'])} to {written(one['0.975'])}" for one in quantiles]
    assert re.split(r"\s{2,}", last.strip())[1:] == wanted


def test_the_table_of_models():
    models = (Model("small", 3e7), Model("middle", 1e9), Model("vast", 1e14))
    plan, lines, text = printed(Task(BILLS, 2e4, models=models), draws=9)
    with_inference = plan.answers[1]
    assert lines["model"] == [one.chosen.name for one in plan.answers]
    lines = cells(text.partition("Models, with inference\n")[2])
    assert lines["vast"] == ["100T", "–", "–", "too expensive", "0 %"]
    points = {model.name: point for model, point in with_inference.models}
    assert lines["middle"] == [
        "1B",
        written(points["middle"].annotations),
        f"{points['middle'].entropy:.4f}",
        "20K",
        f"{100 * with_inference.cloud.shares['middle']:.0f} %",
    ]
    assert lines["(any N)"][0] == written(with_inference.optimum.parameters)


def test_what_costs_nothing_buys_without_end():
    free = {False: {"annotations": Cost(annotation=0.5)}}
    _, lines, _ = printed(Task(free, 2e4))
    assert lines["spent on N"] == ["costs nothing"]
    assert float(lines["spent on D"][0]) > 0


@pytest.mark.parametrize("question", ["budget", "entropy"])
def test_the_question_is_repeated(question):
    _, _, text = printed(Task(BILLS, **{question: 0.2 if question == "entropy" else 2e4}))
    assert ("The lowest entropy for 20K" in text) == (question == "budget")
    assert ("The lowest cost of an entropy of 0.2" in text) == (question == "entropy")
