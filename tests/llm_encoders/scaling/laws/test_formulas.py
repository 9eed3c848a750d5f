"""Every law against numbers worked out by hand or in exact arithmetic, and the laws' relations."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from llm_encoders.scaling.laws import LAWS

# At N = 4 A and D = 9 B (B of the law itself), alpha = 1/2, beta = 1/2 where nothing else is said.
BY_HAND = [
    ("model-size", {"A": 100, "alpha": 0.5, "delta": 0.25}, 400, None, 0.5 + 0.25),
    ("annotations", {"B": 10, "beta": 0.5, "delta": 0.125}, None, 90, 1 / 3 + 0.125),
    # (1/4)^(1/2) + 1/9 = 11/18, squared
    (
        "joint",
        {"A": 100, "B": 10, "alpha": 1, "beta": 2, "delta": 0.5},
        400,
        90,
        (11 / 18) ** 2 + 0.5,
    ),
    ("additive-model-size", {"E": 1.5, "A": 6, "alpha": 0.5}, 400, None, 1.5 + 0.3),
    ("additive-annotations", {"E": 1.5, "B": 9, "beta": 0.5}, None, 81, 1.5 + 1),
    ("additive", {"E": 1, "A": 6, "alpha": 0.5, "B": 9, "beta": 0.25}, 400, 81, 1 + 0.3 + 3),
]


@pytest.mark.parametrize(("name", "values", "n", "d", "wanted"), BY_HAND, ids=lambda x: str(x)[:9])
def test_by_hand(name, values, n, d, wanted):
    assert LAWS[name].predict(values, n, d) == pytest.approx(wanted, rel=1e-12)


def exact(name, v, n, d):
    """The equations of the papers in 50 digits."""
    with localcontext() as context:
        context.prec = 50
        v = {key: Decimal(repr(value)) for key, value in v.items()}
        n, d = Decimal(n), Decimal(d)
        if name == "joint":
            inner = (v["A"] / n) ** (v["alpha"] / v["beta"]) + v["B"] / d
            return float(inner ** v["beta"] + v["delta"])
        return float(v["E"] + v["A"] / n ** v["alpha"] + v["B"] / d ** v["beta"])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("joint", {"A": 3.6e4, "B": 7.1e3, "alpha": 0.56, "beta": 1.31, "delta": 0.03}),
        ("additive", {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}),
    ],
)
def test_published_parameters_in_exact_arithmetic(name, values):
    for n in (500_000, 82_000_000, 8_000_000_000):
        for d in (2_000, 500_000):
            found = LAWS[name].predict(values, n, d)
            assert found == pytest.approx(exact(name, values, n, d), rel=1e-12)


def test_the_joint_law_without_end_is_the_laws_of_one_size():
    values = {"A": 3.6e4, "B": 7.1e3, "alpha": 0.56, "beta": 1.31, "delta": 0.03}
    size = LAWS["model-size"].predict(values, [1e6, 1e8])
    annotations = LAWS["annotations"].predict(values, None, [1e3, 1e5])
    assert LAWS["joint"].predict(values, [1e6, 1e8], 1e30) == pytest.approx(size, rel=1e-9)
    assert LAWS["joint"].predict(values, 1e40, [1e3, 1e5]) == pytest.approx(annotations, rel=1e-9)


def test_one_curve_in_two_parametrisations():
    paper = LAWS["model-size"].predict({"A": 3e4, "alpha": 0.5, "delta": 0.1}, 1e7)
    other = LAWS["additive-model-size"].predict({"A": math.sqrt(3e4), "alpha": 0.5, "E": 0.1}, 1e7)
    assert paper == pytest.approx(other, rel=1e-12)


def test_arrays_are_broadcast():
    values = {"A": np.array([[1e4], [2e4]]), "alpha": 0.5, "delta": 0.0}
    assert LAWS["model-size"].predict(values, [1e6, 1e7, 1e8]).shape == (2, 3)


def test_a_size_that_a_law_needs():
    with pytest.raises(ValueError, match="annotations"):
        LAWS["joint"].predict(dict.fromkeys(LAWS["joint"].parameters, 1.0), 1e6)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_equations_name_their_parameters(law):
    assert set(law.parameters) >= {law.floor}
    assert all(name in law.equation for name in law.parameters)
    assert "arXiv" in law.citation
