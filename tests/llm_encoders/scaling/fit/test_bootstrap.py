"""Intervals: those of linear regression where the law is linear, and the same for the same seed."""

import numpy as np
import pytest
from scipy import stats

from llm_encoders.scaling.fit.bootstrap import interval, redraw
from llm_encoders.scaling.fit.deviations import Deviations
from llm_encoders.scaling.fit.fitting import fit
from llm_encoders.scaling.fit.form import Form
from llm_encoders.scaling.laws import LAWS
from tests.llm_encoders.scaling.fit.truths import FEW


@pytest.fixture(scope="module")
def straight():
    """Without delta, a law of one size is a straight line of logarithms."""
    form = Form.of(LAWS["model-size"], FEW.sizes, with_floor=False)
    noise = 0.05 * np.array([0.3, -1.1, 0.2, 0.9, -0.4, 0.8, -0.7])
    measured = -0.5 * np.log(FEW.sizes["parameters"] / 3e4) + noise
    best = fit(form, measured)
    return form, measured, best, Deviations.of(best.residuals[0], np.arange(7), 2)


def test_intervals_of_a_straight_line_are_those_of_student(straight):
    form, measured, best, deviations = straight
    line = stats.linregress(np.log(FEW.sizes["parameters"]), measured)
    half = stats.t(5).ppf(0.975) * line.stderr
    low, high = interval(redraw(form, best, deviations, 4000, 0, "x").columns()["alpha"])
    assert form.values(best.theta)["alpha"][0] == pytest.approx(-line.slope, abs=0.2 * half)
    assert high - low == pytest.approx(2 * half, rel=0.08)
    assert (low + high) / 2 == pytest.approx(-line.slope, abs=0.25 * half)


def test_the_same_seed_gives_the_same_draws(straight):
    form, _, best, deviations = straight

    def drawn(seed, name):
        return redraw(form, best, deviations, 100, seed, name).values

    assert (drawn(1, "a") == drawn(1, "a")).all()
    assert (drawn(1, "a") != drawn(2, "a")).any()
    assert (drawn(1, "a") != drawn(1, "b")).any()
    assert drawn(1, "a").shape == (100, 3) and (drawn(1, "a")[:, 2] == 0).all()


def test_an_interval_by_hand():
    assert interval(np.arange(201.0)) == pytest.approx((5, 195))
