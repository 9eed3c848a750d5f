"""Robust least squares: the loss by hand, the minimum by another solver."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from llm_encoders.scaling.fit.fitting import fit
from llm_encoders.scaling.fit.form import Form
from llm_encoders.scaling.fit.polish import HUBER, huber, minimise, polish, robust_scale
from llm_encoders.scaling.laws import LAWS
from tests.llm_encoders.scaling.fit.truths import FEW, TRUTHS


def test_the_loss_by_hand():
    # 0.5^2 within the threshold of 1; beyond it, 2 * 3 - 1 and 2 * 2 - 1
    assert huber(np.array([[0.5, -3.0, 2.0]]), np.array([1.0])) == pytest.approx([0.25 + 5 + 3])


def test_the_scale_by_hand():
    residuals = np.array([[0.0, -1.0, 2.0, 5.0, -3.0]])
    # one parameter: the median of 0, 1, 2, 3, 5; three: that of 2, 3, 5
    assert robust_scale(residuals, 1) == pytest.approx([2 / 0.6745])
    assert robust_scale(residuals, 3) == pytest.approx([3 / 0.6745])


def test_the_scale_of_normal_residuals():
    residuals = np.random.default_rng(0).normal(0, 0.03, (1, 20_000))
    assert robust_scale(residuals, 3) == pytest.approx([0.03], rel=0.02)


@pytest.mark.parametrize("name", ["joint, MS MARCO", "additive"])
def test_the_minimum_is_that_of_another_solver(name):
    truth = TRUTHS[name]
    form = Form.of(LAWS[truth.law], truth.sizes)
    generator = np.random.default_rng(5)
    measured = truth.log_entropy + 0.05 * generator.standard_t(2, len(truth.log_entropy))
    best = fit(form, measured)
    threshold = 0.04
    found = minimise(form, measured[None], best.theta, np.array([threshold]))
    wanted = least_squares(
        lambda theta: form.evaluate(theta[None])[0][0] - measured,
        best.theta[0],
        loss="huber",
        f_scale=threshold,
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-12,
    )
    assert found[0] == pytest.approx(wanted.x, rel=1e-4, abs=1e-5)


def test_it_stops_at_a_bound():
    """A curve that bends down more than any power law: the best floor is 0."""
    form = Form.of(LAWS["model-size"], FEW.sizes)
    size = np.log(FEW.sizes["parameters"] / 1e6)
    found = fit(form, -0.3 * size - 0.05 * size**2)
    assert found.theta[0, -1] == 0


def test_many_fits_at_once_are_the_single_ones():
    form = Form.of(LAWS["model-size"], FEW.sizes)
    generator = np.random.default_rng(1)
    measured = FEW.log_entropy + 0.02 * generator.standard_normal((3, 7))
    start = fit(form, FEW.log_entropy).theta
    together = polish(form, measured, np.repeat(start, 3, axis=0))
    for place in range(3):
        alone = polish(form, measured[place], start)
        assert together.theta[place] == pytest.approx(alone.theta[0], rel=1e-9, abs=1e-12)


def test_outliers_hardly_move_the_fit():
    truth = TRUTHS["size, MS MARCO"]
    form = Form.of(LAWS[truth.law], truth.sizes)
    measured = truth.log_entropy + 0.01 * np.random.default_rng(2).standard_normal(24)
    clean = form.values(fit(form, measured).theta)["alpha"][0]
    measured[[4, 15]] += [0.7, -0.5]
    robust = fit(form, measured)
    plain = minimise(form, measured[None], robust.theta, np.array([1e9]))
    moved = [abs(form.values(theta)["alpha"][0] - clean) for theta in (robust.theta, plain)]
    assert moved[0] < 0.02 and moved[1] > 4 * moved[0]
    assert HUBER == 1.345
