"""Every item of a bill against the arithmetic of its sentence."""

import numpy as np
import pytest

from llm_encoders.errors import EncoderError
from llm_encoders.scaling.plan.cost import Cost, development, inference, total
from llm_encoders.scaling.plan.prices import Prices
from tests.llm_encoders.scaling.plan.laws import PRICES

N, D = 3e8, 2e4


def bill(changes=None):
    prices = Prices(**PRICES | (changes or {}))
    items = development(prices) | inference(prices)
    return {name: one.money(N, D) for name, one in items.items()}


def test_the_bill_by_hand():
    """N = 300 M, D = 20 K; every amount written out."""
    assert bill() == pytest.approx(
        {
            "annotations": 20_000 * 0.5,
            "training": 20_000 * 700 * 11 * 6 * 3e8 * 3e-18,
            "corpus": 2_000_000 * 90 * 4 * 2 * 3e8 * 5e-18,
            "queries": 700_000 * 400 * 13 * 2 * 3e8 * 5e-18,
            "index": 2_000_000 * 1e-4,
        },
        rel=1e-12,
    )


@pytest.mark.parametrize(
    ("price", "items"),
    [
        ("annotation", {"annotations"}),
        ("training_flop", {"training"}),
        ("pair_tokens", {"training"}),
        ("epochs", {"training"}),
        ("inference_flop", {"corpus", "queries"}),
        ("passages", {"corpus", "index"}),
        ("passage_tokens", {"corpus"}),
        ("indexed_passage", {"index"}),
        ("queries_per_day", {"queries"}),
        ("horizon_days", {"queries"}),
        ("query_tokens", {"queries"}),
    ],
)
def test_a_price_doubled_doubles_its_items_alone(price, items):
    plain, doubled = bill(), bill({price: 2 * PRICES[price]})
    for item, money in plain.items():
        assert doubled[item] == pytest.approx(money * (2 if item in items else 1), rel=1e-12)


def test_the_corpus_is_encoded_once_and_then_again():
    once, thrice = bill({"reencodings": 0.0}), bill({"reencodings": 2.0})
    assert thrice["corpus"] == pytest.approx(3 * once["corpus"])
    assert thrice["index"] == once["index"]


def test_a_training_of_fixed_length_does_not_depend_on_annotations():
    prices = {key: PRICES[key] for key in ("annotation", "training_flop")}
    items = development(Prices(**prices, training_tokens=4e8))
    assert items["training"].money(N, D) == pytest.approx(6 * 4e8 * N * 3e-18)
    assert items["training"].money(N, 9 * D) == items["training"].money(N, D)


def test_slopes_of_the_cost_are_differences():
    cost = Cost(7.0, 2.0, 3.0, 0.5)
    assert cost.of_parameter(10.0) == pytest.approx(cost.money(5.0, 10.0) - cost.money(4.0, 10.0))
    assert cost.of_annotation(4.0) == pytest.approx(cost.money(4.0, 11.0) - cost.money(4.0, 10.0))


def test_what_a_budget_pays_for_costs_the_budget():
    cost = Cost(7.0, 2.0, 3.0, 0.5)
    annotations = cost.affordable_annotations(100.0, np.array([1.0, 5.0]))
    assert cost.money(np.array([1.0, 5.0]), annotations) == pytest.approx([100.0, 100.0])
    assert cost.money(cost.affordable_parameters(100.0, 6.0), 6.0) == pytest.approx(100.0)


def test_what_costs_nothing_is_affordable_without_end():
    free = Cost(fixed=7.0)
    assert free.affordable_parameters(8.0, 1.0) == np.inf
    assert free.affordable_parameters(6.0, 1.0) == -np.inf
    assert free.affordable_annotations(8.0, np.array([1.0])) == [np.inf]


def test_the_total_adds_all_kinds_of_cost():
    items = {"one": Cost(1.0, 2.0, 3.0, 4.0), "other": Cost(10.0, 20.0, 30.0, 40.0)}
    assert total(items) == Cost(11.0, 22.0, 33.0, 44.0)


def test_a_cost_beyond_all_numbers_is_refused():
    with pytest.raises(EncoderError, match="queries a cost beyond all numbers"):
        inference(Prices(**PRICES | {"queries_per_day": 1e300, "horizon_days": 1e300}))
