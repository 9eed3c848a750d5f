"""The planner against closed forms, and against fine grids on random prices."""

import numpy as np
import pytest

from llm_encoders.scaling.plan import optimum
from llm_encoders.scaling.plan.answer import point
from llm_encoders.scaling.plan.cost import Cost, development, inference, total
from llm_encoders.scaling.plan.surface import Space, Surface
from tests.llm_encoders.scaling.plan.laws import ADDITIVE, FORMULAS, JOINT, fitted, random_prices

SPACE = Space()
WIDE = Space((1e-3, 1e18), (1e-3, 1e18))


def best(surface, cost, budget, space=SPACE):
    found = optimum.best(surface, cost, budget, space)
    return float(found.parameters[0]), float(found.annotations[0])


def cheapest(surface, cost, entropy, space=SPACE):
    found = optimum.cheapest(surface, cost, entropy, space)
    return float(found.parameters[0]), float(found.annotations[0])


def test_joint_law_of_equal_exponents_and_costs_that_add_up():
    """alpha = beta: minimise A/N + B/D with a·D + g·N = M. N = M·√(A/g) / (√(A·g) + √(B·a))."""
    values = JOINT | {"alpha": 0.8, "beta": 0.8}
    surface = Surface.of(fitted(values=values))
    a, g, fixed, money = 0.5, 2e-6, 300.0, 20_000.0
    root = np.sqrt(values["A"] * g) + np.sqrt(values["B"] * a)
    left = money - fixed
    wanted = left * np.sqrt(values["A"] / g) / root, left * np.sqrt(values["B"] / a) / root
    assert best(surface, Cost(fixed, a, g), money) == pytest.approx(wanted, rel=1e-6)


def test_joint_law_and_a_cost_of_the_product():
    """c·N·D = M: N = (r·A^r·M / (B·c))^(1/(r + 1)), where r = alpha/beta."""
    surface = Surface.of(fitted())
    c, money, r = 1e-12, 5_000.0, JOINT["alpha"] / JOINT["beta"]
    n = (r * JOINT["A"] ** r * money / (JOINT["B"] * c)) ** (1 / (r + 1))
    assert best(surface, Cost(product=c), money) == pytest.approx((n, money / (c * n)), rel=1e-6)


def test_additive_law_and_a_cost_of_the_product():
    """Chinchilla's: N = (α·A / (β·B))^(1/(α+β)) · (M/c)^(β/(α+β)) (arXiv 2203.15556, eq. 4)."""
    alpha, beta = 0.34, 0.28
    values = {"E": 1.69, "A": 406.4, "alpha": alpha, "B": 410.7, "beta": beta}
    surface = Surface.of(fitted("additive", values=values))
    flops = 5.76e23
    ratio = (alpha * 406.4 / (beta * 410.7)) ** (1 / (alpha + beta))
    n = ratio * (flops / 6) ** (beta / (alpha + beta))
    d = (flops / 6) ** (alpha / (alpha + beta)) / ratio
    assert best(surface, Cost(product=6.0), flops, WIDE) == pytest.approx((n, d), rel=1e-5)


def test_annotations_alone_cost():
    """N is free, so it goes to the bound, and all money goes to annotations."""
    surface = Surface.of(fitted())
    assert best(surface, Cost(annotation=0.5), 1_000.0) == pytest.approx((1e13, 2_000.0))


def test_parameters_alone_cost():
    surface = Surface.of(fitted("additive"))
    assert best(surface, Cost(parameter=1e-5), 1_000.0) == pytest.approx((1e8, 1e12))


def test_the_cheapest_way_to_an_entropy_in_closed_form():
    """alpha = beta and costs that add up: N = √(A/g)·(√(A·g) + √(B·a)) / t^(1/beta)."""
    values = JOINT | {"alpha": 0.8, "beta": 0.8}
    surface = Surface.of(fitted(values=values))
    a, g, entropy = 0.5, 2e-6, 0.13
    scale = (np.sqrt(values["A"] * g) + np.sqrt(values["B"] * a)) / (entropy - 0.03) ** (1 / 0.8)
    wanted = scale * np.sqrt(values["A"] / g), scale * np.sqrt(values["B"] / a)
    assert cheapest(surface, Cost(9.0, a, g), entropy) == pytest.approx(wanted, rel=1e-6)


def bills(seed):
    prices = random_prices(np.random.default_rng(seed))
    items = development(prices)
    return {False: items, True: items | inference(prices)}


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("law", ["joint", "additive"])
def test_a_fine_grid_finds_the_same(law, seed):
    """Over N on the curve of the budget, in steps of 0.02 %; the curve is written again here."""
    surface, formula, values = Surface.of(fitted(law)), FORMULAS[law], fitted(law).values
    for inferred, items in bills(seed).items():
        cost = total(items)
        budget = 1e4 * (seed + 1) + cost.fixed
        n = np.geomspace(1e3, 1e13, 120_001)
        d = (budget - cost.fixed - cost.parameter * n) / (cost.annotation + cost.product * n)
        n, d = n[d >= 1], d[d >= 1]
        entropy = formula(n, d, **values)
        place = entropy.argmin()
        found = best(surface, cost, budget)
        assert np.log(found) == pytest.approx(np.log([n[place], d[place]]), abs=4e-4), inferred
        assert formula(*found, **values) <= entropy[place] * (1 + 1e-12)
        assert sum(one.money(*found) for one in items.values()) == pytest.approx(budget)


@pytest.mark.parametrize("law", ["joint", "additive"])
def test_no_other_plan_within_the_budget_is_better(law):
    """A grid over N and D both, 1.7 million plans, most of which leave money over."""
    surface, formula, values = Surface.of(fitted(law)), FORMULAS[law], fitted(law).values
    n, d = np.geomspace(1e3, 1e13, 1301)[:, None], np.geomspace(1, 1e12, 1301)[None]
    for items in bills(5).values():
        cost = total(items)
        budget = 3e4 + cost.fixed
        money = sum(one.money(n, d) for one in items.values())
        lowest = np.where(money <= budget, formula(n, d, **values), np.inf).min()
        found = formula(*best(surface, cost, budget), **values)
        assert found <= lowest <= found * 1.02


@pytest.mark.parametrize("law", ["joint", "additive"])
def test_budget_and_entropy_are_each_others_dual(law):
    """What a budget reaches is reached for no less."""
    surface = Surface.of(fitted(law))
    for seed in range(3):
        for items in bills(seed).values():
            cost = total(items)
            budget = 5e4 + cost.fixed
            n, d = best(surface, cost, budget)
            entropy = float(surface.entropy(n, d)[0, 0])
            assert cheapest(surface, cost, entropy) == pytest.approx((n, d), rel=1e-4)


@pytest.mark.parametrize("law", ["joint", "additive"])
def test_money_buys_the_same_in_both_directions_at_the_optimum(law):
    """And that is what a larger budget does buy: the multiplier is the slope of the optima."""
    surface = Surface.of(fitted(law))
    for items in bills(2).values():
        cost = total(items)
        budget = 5e4 + cost.fixed
        found = point(surface, items, *best(surface, cost, budget))
        assert found.gains["parameters"] == pytest.approx(found.gains["annotations"], rel=1e-5)
        more, less = (
            point(surface, items, *best(surface, cost, budget + step)).entropy for step in (50, -50)
        )
        assert found.gains["annotations"] == pytest.approx((less - more) / 100, rel=1e-4)


@pytest.mark.parametrize("law", ["joint", "additive"])
def test_real_models(law):
    """Against the annotations that are left for each, and their entropies, written again."""
    surface, formula, values = Surface.of(fitted(law)), FORMULAS[law], fitted(law).values
    sizes = [1e8, 2e9, 1e13]
    cost = total(bills(1)[True])
    budget = 5e4 + cost.fixed
    left = [budget - cost.fixed - cost.parameter * n for n in sizes]
    d = [money / (cost.annotation + cost.product * n) for money, n in zip(left, sizes, strict=True)]
    found = optimum.best_of(surface, cost, budget, SPACE, sizes)[0]
    wanted = [
        formula(n, of, **values) if of >= 1 else np.inf for n, of in zip(sizes, d, strict=True)
    ]
    assert found == pytest.approx(wanted)
    assert np.isinf(found[2])
    entropy = float(found[0])
    money = optimum.cheapest_of(surface, cost, entropy, SPACE, sizes[:2])[0]
    assert money[0] == pytest.approx(budget, rel=1e-9)
    assert money[1] == pytest.approx(
        cost.money(2e9, surface.annotations_for(entropy, 2e9, SPACE)[0, 0])
    )


def test_a_budget_below_the_smallest_plan_has_no_optimum():
    surface = Surface.of(fitted())
    assert np.isnan(best(surface, Cost(100.0, 1.0, 1.0), 50.0)).all()
    assert optimum.affordable(Cost(100.0, 1.0, 1.0), 1_200.0, SPACE) == pytest.approx(1_099.0)
    assert optimum.affordable(Cost(100.0, 1.0, 1.0), 1_100.0, SPACE) == 0
    assert np.isnan(cheapest(surface, Cost(1.0, 1.0, 1.0), 0.02)).all()


def test_all_laws_of_a_bootstrap_at_once():
    """Each has the optimum that it has alone."""
    many = fitted(draws=5)
    cost = total(bills(4)[True])
    budget = 5e4 + cost.fixed
    draws = Surface.of_draws(many)
    together = optimum.best(draws, cost, budget, SPACE)
    targets = optimum.cheapest(draws, cost, 0.2, SPACE)
    for place, values in enumerate(many.bootstrap.values):
        alone = Surface.of(fitted(values=dict(zip(many.law.parameters, values, strict=True))))
        found = together.parameters[place], together.annotations[place]
        assert best(alone, cost, budget) == pytest.approx(found, rel=1e-9)
        found = targets.parameters[place], targets.annotations[place]
        assert cheapest(alone, cost, 0.2) == pytest.approx(found, rel=1e-9)


def test_bounds_hold():
    space = Space((1e6, 1e7), (10.0, 500.0))
    surface = Surface.of(fitted())
    assert best(surface, Cost(annotation=1.0), 1e4, space) == pytest.approx((1e7, 500.0))
    n, d = best(surface, Cost(annotation=1.0, parameter=1e-4), 1e3, space)
    assert 1e6 <= n <= 1e7 and 10 <= d <= 500


def test_the_floor_moves_no_optimum():
    """It shifts the entropy alone."""
    low = Surface.of(fitted("additive"))
    high = Surface.of(fitted("additive", values=ADDITIVE | {"E": 0.9}))
    cost = Cost(0.0, 0.5, 1e-7)
    assert best(low, cost, 1e4) == best(high, cost, 1e4)
    n, d = best(low, cost, 1e4)
    difference = high.entropy(n, d) - low.entropy(n, d)
    assert difference[0, 0] == pytest.approx(0.7)
