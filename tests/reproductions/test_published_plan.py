"""The plan by published parameters, against a grid of its own; its sentences follow from it."""

import numpy as np
import pytest

from llm_encoders.scaling.plan.prices import read_prices
from reproductions.pages.scaling import published_plan
from reproductions.pages.scaling.published_plan import BUDGET, LAWS, PRICES, SERVICES
from tests.conftest import REPOSITORY

PARAMETERS = {"A": 3.6e4, "B": 7.1e3, "alpha": 0.56, "beta": 1.31, "delta": 0.03}


@pytest.fixture(scope="module")
def found():
    return published_plan.outcomes(BUDGET)


def grid(service):
    """Best N over a grid on the curve of the budget, all formulas written again."""
    prices = read_prices(REPOSITORY / PRICES, {})
    hour = prices.gpu_hour / 3600 / prices.gpu_flops
    train, encode = hour / prices.training_utilisation, hour / prices.inference_utilisation
    tokens = 0.0
    if service:
        tokens = service.passages * prices.passage_tokens
        tokens += service.queries_per_day * prices.horizon_days * prices.query_tokens
    n = np.geomspace(1e5, 1e12, 200_001)
    left = BUDGET - 2 * n * tokens * encode
    d = left / (prices.annotation + 6 * n * prices.pair_tokens * prices.epochs * train)
    n, d = n[left > 0], d[left > 0]
    ratio = PARAMETERS["alpha"] / PARAMETERS["beta"]
    inner = (PARAMETERS["A"] / n) ** ratio + PARAMETERS["B"] / d
    return n[inner.argmin()], 2 * tokens * encode


def test_the_laws_are_those_that_are_quoted():
    assert dict(published_plan.law().values) == PARAMETERS
    assert "not read in the paper" in published_plan.law().warnings[0]


def test_counting_inference_moves_the_optimum_to_far_smaller_models(found):
    without, outcomes = found
    assert without.plan.parameters == pytest.approx(grid(None)[0], rel=1e-3)
    for one in outcomes:
        best, price = grid(one.service)
        assert one.answer.plan.parameters == pytest.approx(best, rel=1e-3)
        assert one.larger_model == pytest.approx(price * without.plan.parameters)
    sizes = [without.plan.parameters, *(one.answer.plan.parameters for one in outcomes)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1e9 and sizes[-1] < 1e8


def test_the_section_says_what_was_found(found):
    text = published_plan.section()
    without, outcomes = found
    ratio = without.plan.parameters / outcomes[-1].answer.plan.parameters
    assert f"{ratio:,.0f} times fewer" in text and "agrees with the paper's conclusion" in text
    assert "second-hand" in text and LAWS in text
    assert all(f"| {service.name} |" in text for service in SERVICES)


def test_the_section_would_say_if_the_conclusion_failed(monkeypatch):
    """Where services are so small that inference costs next to nothing, nothing is confirmed."""
    idle = tuple(published_plan.Service(f"idle {one}", 1.0, 1.0) for one in "ab")
    monkeypatch.setattr(published_plan, "SERVICES", idle)
    assert "The planner contradicts the paper's conclusion" in published_plan.section()
