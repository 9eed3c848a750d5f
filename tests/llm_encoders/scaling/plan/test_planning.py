"""Whole plans: answers, clouds, curves, warnings and refusals."""

import csv
import dataclasses
import io
import json
import re

import numpy as np
import pytest

from llm_encoders.errors import EncoderError
from llm_encoders.scaling.laws import LAWS
from llm_encoders.scaling.laws.fitted import Bootstrap, FittedLaw
from llm_encoders.scaling.plan.cautions import title
from llm_encoders.scaling.plan.cost import Cost, development, inference, total
from llm_encoders.scaling.plan.curves import as_csv
from llm_encoders.scaling.plan.models import Model
from llm_encoders.scaling.plan.planning import Task, make_plan
from llm_encoders.scaling.plan.prices import Prices
from llm_encoders.scaling.plan.surface import Space
from tests.llm_encoders.scaling.plan.laws import FORMULAS, JOINT, PRICES, fitted

PRICED = Prices(**PRICES)
ITEMS = development(PRICED)
BILLS = {False: ITEMS, True: ITEMS | inference(PRICED)}
MODELS = (Model("small", 3e7), Model("middle", 1e9), Model("vast", 1e13))
NEAR = {"parameters": (1e8, 1e10), "annotations": (1e3, 1e5)}


QUANTITIES = ("parameters", "annotations", "entropy", "money", "planned")


def task(**changes):
    return Task(**{"bills": BILLS, "budget": 2e4} | changes)


def test_counting_inference_moves_the_optimum_to_a_smaller_model():
    without, with_inference = make_plan(fitted(), task()).answers
    assert (without.inference, with_inference.inference) == (False, True)
    assert with_inference.optimum.parameters < without.optimum.parameters / 3
    for one in (without, with_inference):
        assert one.plan.money == pytest.approx(2e4)
        assert one.plan.bill == {
            name: pytest.approx(item.money(one.plan.parameters, one.plan.annotations))
            for name, item in BILLS[one.inference].items()
        }
        wanted = FORMULAS["joint"](one.plan.parameters, one.plan.annotations, **JOINT)
        assert one.plan.entropy == pytest.approx(wanted)


def test_budget_and_target_are_both_answered():
    answers = make_plan(fitted(), task(entropy=0.2)).answers
    assert [title(one) for one in answers] == [
        "Budget, without inference",
        "Budget, with inference",
        "Target, without inference",
        "Target, with inference",
    ]
    assert answers[2].plan.entropy == pytest.approx(0.2)
    assert answers[2].plan.money < answers[3].plan.money


def test_the_best_of_real_models():
    for one in make_plan(fitted(), task(models=MODELS)).answers:
        points = {model.name: point for model, point in one.models}
        assert points["vast"] is None or points["vast"].entropy > points["middle"].entropy
        assert one.chosen.name == "middle" and one.plan == points["middle"]
        assert one.plan.entropy > one.optimum.entropy
        assert one.plan.money == pytest.approx(2e4)


def test_the_cheapest_of_real_models():
    answers = make_plan(fitted(), task(models=MODELS, budget=None, entropy=0.17)).answers
    for one in answers:
        possible = {model.name: point.money for model, point in one.models if point}
        assert one.chosen.name == min(possible, key=possible.get)
        assert all(point.entropy == pytest.approx(0.17) for _, point in one.models if point)


def test_a_larger_model_would_help_more_where_the_chosen_one_is_small():
    """At a model that is too small, money buys more in N than in D; at one too large, less."""
    small, large = (Model("small", 1e8), Model("large", 2e11))
    for model, more in ((small, True), (large, False)):
        plan = make_plan(fitted(), task(models=(model,))).answers[0].plan
        assert (plan.gains["parameters"] > plan.gains["annotations"]) == more


@pytest.mark.parametrize("wanted", [{"budget": 2e4}, {"budget": None, "entropy": 0.17}])
def test_the_cloud_is_the_plans_of_all_draws(wanted):
    law = fitted(draws=8)
    asked = task(models=MODELS, **wanted)
    plan = make_plan(law, asked)
    for answer in plan.answers:
        alone = [
            make_plan(
                fitted(values=dict(zip(law.law.parameters, values, strict=True))), asked
            ).answers[answer.inference]
            for values in law.bootstrap.values
        ]
        cloud = answer.cloud
        assert cloud.parameters == pytest.approx([one.optimum.parameters for one in alone])
        assert cloud.annotations == pytest.approx([one.optimum.annotations for one in alone])
        assert cloud.entropy == pytest.approx([one.optimum.entropy for one in alone])
        assert cloud.money == pytest.approx([one.optimum.money for one in alone])
        planned = [
            FORMULAS["joint"](answer.plan.parameters, answer.plan.annotations, *values)
            for values in law.bootstrap.values
        ]
        assert cloud.planned == pytest.approx(planned)
        if answer.question == "best":
            assert (cloud.planned >= cloud.entropy).all()
        chosen = [one.chosen.name for one in alone]
        assert cloud.shares == {one.name: chosen.count(one.name) / 8 for one in MODELS}
        quantiles = cloud.quantiles()["parameters"]
        assert quantiles["0.5"] == pytest.approx(np.median(cloud.parameters))
        assert quantiles["0.975"] == pytest.approx(np.percentile(cloud.parameters, 97.5))
        assert quantiles["0.025"] == pytest.approx(np.percentile(cloud.parameters, 2.5))


def test_draws_whose_floor_lies_above_the_target_are_counted():
    values = np.array([list(JOINT.values())] * 4)
    values[1, list(JOINT).index("delta")] = 0.5
    law = dataclasses.replace(fitted(), bootstrap=Bootstrap(tuple(JOINT), values, 0))
    plan = make_plan(law, task(budget=None, entropy=0.2, models=MODELS))
    assert plan.answers[0].cloud.unsolved == 1
    assert len(plan.answers[0].cloud.parameters) == 3
    assert plan.answers[0].cloud.shares["middle"] == 0.75
    assert any("1 of 4 laws of the bootstrap have no optimum" in one for one in plan.warnings)


def test_curves_are_what_their_names_say():
    plan = make_plan(fitted(), task())
    kinds = [(one.kind, one.inference) for one in plan.curves]
    assert kinds.count(("iso-cost", True)) == kinds.count(("iso-cost", False)) == 3
    assert kinds.count(("iso-loss", None)) == 6
    for one in plan.curves:
        if one.kind == "iso-loss":
            found = FORMULAS["joint"](one.parameters, one.annotations, **JOINT)
        else:
            found = total(BILLS[one.inference]).money(one.parameters, one.annotations)
        assert found == pytest.approx(np.full_like(found, one.value))
    money = sorted(one.value for one in plan.curves if one.inference)
    assert money == pytest.approx([1e4, 2e4, 4e4])
    above = sorted(one.value - JOINT["delta"] for one in plan.curves if one.kind == "iso-loss")
    reached = sorted(answer.plan.entropy - JOINT["delta"] for answer in plan.answers)
    assert above == pytest.approx(sorted(level * one for level in (0.5, 1, 2) for one in reached))


def test_curves_reach_a_model_beyond_the_bounds():
    """A real model has its size, whatever the bounds of N."""
    space = Space((1e4, 1e6), (1.0, 1e6))
    plan = make_plan(fitted(), task(models=MODELS[1:2], space=space))
    for one in plan.curves:
        assert (np.diff(one.parameters) > 0).all()
    assert max(one.parameters.max() for one in plan.curves) == pytest.approx(1e9)


def test_curves_as_a_table():
    plan = make_plan(fitted(), task())
    rows = list(csv.DictReader(io.StringIO(as_csv([("joint", "g", one) for one in plan.curves]))))
    assert len(rows) == sum(len(one.parameters) for one in plan.curves)
    first = plan.curves[0]
    assert rows[0] == {
        "law": "joint",
        "group": "g",
        "curve": "iso-cost",
        "inference": "no",
        "value": repr(first.value),
        "parameters": repr(float(first.parameters[0])),
        "annotations": repr(float(first.annotations[0])),
    }
    assert {row["inference"] for row in rows} == {"", "yes", "no"}


def test_a_plan_is_json():
    plan = make_plan(fitted(draws=5), task(entropy=0.2, models=MODELS))
    found = json.loads(json.dumps(plan.to_json(), allow_nan=False))
    answer = found["answers"][0]
    assert answer["optimum"]["cost"]["total"] == pytest.approx(2e4)
    assert set(answer["cloud"]["quantiles"]) == set(QUANTITIES)
    assert answer["chosen"] == plan.answers[0].chosen.name
    assert [one["name"] for one in answer["models"]] == ["small", "middle", "vast"]


def warned(law=None, **changes):
    return make_plan(law or fitted(range=NEAR, draws=20), task(**changes)).warnings


def test_a_plan_near_the_points_warns_of_nothing():
    assert warned() == []


@pytest.mark.parametrize(
    ("ends", "sentence"),
    [
        ({"parameters": (1e6, 1e8)}, "without inference: .* above the largest of the points, 100M"),
        ({"parameters": (1e12, 1e13)}, "parameters are .* below the smallest of the points, 1T"),
        ({"annotations": (1e1, 3e3)}, "annotations are 1.1 decades above the largest"),
        ({"annotations": (5e5, 9e5)}, "annotations are 1.1 decades below the smallest"),
    ],
)
def test_a_forecast_far_beyond_the_points_is_called_one(ends, sentence):
    found = "\n".join(warned(fitted(range=NEAR | ends, draws=20)))
    assert re.search(sentence, found)


def test_within_a_decade_beyond_the_points_nothing_is_said():
    answers = make_plan(fitted(), task()).answers
    n = [one.plan.parameters for one in answers]
    ends = {"parameters": (min(n) / 2, max(n) / 9.9), "annotations": (1e3, 1e5)}
    assert warned(fitted(range=ends, draws=20)) == []
    ends["parameters"] = (min(n) / 2, max(n) / 10.1)
    assert len(warned(fitted(range=ends, draws=20))) == 1


def test_laws_without_bootstrap_and_range_say_so():
    found = warned(fitted())
    assert "no bootstrap, so the plan shows no uncertainty" in found[0]
    assert "does not say which parameters and annotations it was fitted to" in found[1]
    assert len(found) == 2
    assert "which annotations it was" in warned(fitted(range={"parameters": (1e8, 1e10)}))[1]


def test_warnings_of_the_fit_are_passed_on():
    found = warned(fitted(range=NEAR, draws=20, warnings=("A is not identified.",)))
    assert found == ["The file of laws warns: A is not identified."]


def test_a_plan_at_a_bound_says_which():
    free = {False: {"annotations": Cost(annotation=0.5)}}
    found = warned(bills=free)
    assert any("upper bound of the parameters, 10T" in one for one in found)
    found = warned(space=Space((1e8, 1e12), (1.0, 1e4)))
    assert sum("upper bound of the annotations, 10K" in one for one in found) == 2
    found = warned(bills=free, models=MODELS)
    assert not any("bound of the parameters" in one for one in found)  # a model has its size


def test_a_wide_cloud_says_that_the_points_do_not_settle_it():
    scatter = np.random.default_rng(0).normal(0, 0.4, 50)
    values = np.array([list(JOINT.values())] * 50)
    values[:, list(JOINT).index("alpha")] *= np.exp(scatter)
    law = fitted(range=NEAR)
    law = dataclasses.replace(law, bootstrap=Bootstrap(tuple(JOINT), values, 0))
    assert any("the points do not settle the parameters" in one for one in warned(law))


def test_a_law_of_one_size_alone_cannot_plan():
    law = FittedLaw(LAWS["model-size"], {"A": 1e4, "alpha": 0.5, "delta": 0.1})
    with pytest.raises(EncoderError, match="model-size, .* depends on one of N and D alone"):
        make_plan(law, task())


def test_a_budget_that_buys_nothing():
    with pytest.raises(EncoderError) as caught:
        make_plan(fitted(), task(budget=100.0))
    assert "The budget, 100, buys nothing with inference: the smallest plan within" in str(
        caught.value
    )
    assert "(annotations 0.5, training" in str(caught.value)
    assert "index 200)" in str(caught.value)


def test_a_budget_that_pays_for_no_model():
    with pytest.raises(EncoderError, match="pays for none of the models .*: the smallest, vast"):
        make_plan(fitted(), task(budget=300.0, models=MODELS[2:]))


def test_a_law_without_a_finite_entropy_is_refused():
    law = fitted(values=JOINT | {"A": 1e300, "alpha": 1.3})
    with pytest.raises(EncoderError, match="joint gives no finite entropy at .* cannot be right"):
        make_plan(law, task())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"entropy": 0.03}, "gets below delta = 0.03"),
        ({"entropy": 0.02}, "gets below delta = 0.03"),
        ({"entropy": 0.1, "space": Space((1e3, 1e6), (1.0, 1e5))}, "the upper bounds, get to 0"),
        ({"entropy": 0.05, "models": MODELS[:1]}, "None of the models reaches an entropy of 0.05"),
    ],
)
def test_an_entropy_out_of_reach(changes, sentence):
    with pytest.raises(EncoderError, match=sentence):
        make_plan(fitted(), task(budget=None, **changes))
