"""Iso-loss curves and slopes against the algebra of both laws."""

import numpy as np
import pytest

from llm_encoders.scaling.plan.surface import Space, Surface
from tests.llm_encoders.scaling.plan.laws import ADDITIVE, FORMULAS, JOINT, fitted

SPACE = Space()
N = np.array([[1e6, 1e8, 1e11]])


def test_annotations_of_the_joint_law():
    """Solved for D: B / ((L - delta)^(1/beta) - (A/N)^(alpha/beta))."""
    found = Surface.of(fitted()).annotations_for(0.3, N, SPACE)
    ratio = JOINT["alpha"] / JOINT["beta"]
    wanted = JOINT["B"] / (0.27 ** (1 / JOINT["beta"]) - (JOINT["A"] / N) ** ratio)
    assert found == pytest.approx(wanted, rel=1e-12)


def test_annotations_of_the_additive_law():
    """Solved for D: (B / (L - E - A/N^alpha))^(1/beta)."""
    found = Surface.of(fitted("additive")).annotations_for(1.5, N, SPACE)
    rest = 1.5 - ADDITIVE["E"] - ADDITIVE["A"] / N ** ADDITIVE["alpha"]
    assert found == pytest.approx((ADDITIVE["B"] / rest) ** (1 / ADDITIVE["beta"]), rel=1e-12)


@pytest.mark.parametrize("law", ["joint", "additive"])
def test_parameters_reach_the_entropy(law):
    found = Surface.of(fitted(law)).parameters_for(4.0, 1e5, SPACE)[0, 0]
    assert FORMULAS[law](found, 1e5, **fitted(law).values) == pytest.approx(4.0, rel=1e-12)


def test_curves_end_at_the_bounds():
    surface = Surface.of(fitted())
    assert surface.annotations_for(0.02, 1e9, SPACE) == [[np.inf]]  # below the floor
    assert surface.annotations_for(1e9, 1e9, SPACE) == [[1.0]]  # anything does
    assert surface.parameters_for(0.02, 1e5, SPACE) == [[np.inf]]
    assert surface.parameters_for(1e9, 1e5, SPACE) == [[1e3]]


def test_slopes_of_the_joint_law():
    """∂L/∂N = -alpha/N · (A/N)^r · x^(beta-1) with r = alpha/beta; ∂L/∂D = -beta·B/D² · the same
    power, where x = (A/N)^r + B/D."""
    n, d = 3e8, 2e4
    alpha, beta = JOINT["alpha"], JOINT["beta"]
    by_size = (JOINT["A"] / n) ** (alpha / beta)
    power = (by_size + JOINT["B"] / d) ** (beta - 1)
    wanted = -alpha / n * by_size * power, -beta * JOINT["B"] / d**2 * power
    assert Surface.of(fitted()).slopes(n, d) == pytest.approx(wanted, rel=1e-9)


def test_slopes_of_the_additive_law():
    n, d = 3e8, 2e4
    wanted = (
        -ADDITIVE["alpha"] * ADDITIVE["A"] * n ** (-ADDITIVE["alpha"] - 1),
        -ADDITIVE["beta"] * ADDITIVE["B"] * d ** (-ADDITIVE["beta"] - 1),
    )
    assert Surface.of(fitted("additive")).slopes(n, d) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("law", ["joint", "additive"])
def test_entropy_and_what_lies_above_the_floor(law):
    surface = Surface.of(fitted(law, draws=3))
    entropy = surface.entropy(1e8, 1e4)
    assert entropy.shape == (1, 1)
    assert entropy[0, 0] == pytest.approx(FORMULAS[law](1e8, 1e4, **fitted(law).values))
    assert surface.above_floor(1e8, 1e4) + surface.floor == pytest.approx(entropy)
    draws = Surface.of_draws(fitted(law, draws=3))
    assert draws.laws == 3 and draws.entropy(N, 1e4).shape == (3, 3)
    assert Surface.of_draws(fitted(law)) is None
