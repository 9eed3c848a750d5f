"""The parametrisation of a fit: the law's own equation, right derivatives, well conditioned."""

import numpy as np
import pytest

from llm_encoders.scaling.fit.form import Form
from llm_encoders.scaling.laws import LAWS
from tests.llm_encoders.scaling.fit.truths import TRUTHS, grid

SIZES = grid([1e6, 7e6, 9e7], [2e3, 5e4, 6e5])


def thetas(form):
    generator = np.random.default_rng(3)
    theta = generator.normal(0, 0.5, (4, len(form.names)))
    if form.with_floor:
        theta[:, -1] = [0, 0.01, 0.3, 2]
    return theta


CASES = [(law, floor) for law in LAWS.values() for floor in (True, False)]


@pytest.mark.parametrize(("law", "floor"), CASES, ids=lambda x: getattr(x, "name", str(x)))
def test_it_is_the_law(law, floor):
    form = Form.of(law, SIZES, floor)
    theta = thetas(form)
    values = {name: one[:, None] for name, one in form.values(theta).items()}
    wanted = law.predict(values, **{name: SIZES[name] for name in law.uses})
    assert np.exp(form.evaluate(theta)[0]) == pytest.approx(wanted, rel=1e-9)
    assert set(form.names) | {law.floor} == set(law.parameters)
    if not floor:
        assert (values[law.floor] == 0).all()


@pytest.mark.parametrize(("law", "floor"), CASES, ids=lambda x: getattr(x, "name", str(x)))
def test_derivatives(law, floor):
    form = Form.of(law, SIZES, floor)
    theta, step = thetas(form), 1e-6
    for place in range(theta.shape[1]):
        ahead, behind = theta.copy(), theta.copy()
        ahead[:, place] += step
        behind[:, place] -= step
        slope = (form.evaluate(ahead)[0] - form.evaluate(behind)[0]) / (2 * step)
        assert form.evaluate(theta)[1][:, :, place] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_other_points_keep_the_centres():
    form = Form.of(LAWS["joint"], SIZES)
    theta = thetas(form)
    single = {name: values[:1] for name, values in SIZES.items()}
    assert form.at(single).evaluate(theta)[0][:, 0] == pytest.approx(form.evaluate(theta)[0][:, 0])


def test_far_from_the_points_nothing_overflows():
    form = Form.of(LAWS["joint"], {"parameters": np.array([1, 1e20]), "annotations": np.ones(2)})
    predicted, slopes = form.evaluate(np.array([[-13.0, 2.3, -13.0, -4.6, 0.0]]))
    assert np.isfinite(predicted).all() and np.isfinite(slopes).all()


def test_it_is_better_conditioned_than_the_law_as_it_is_written():
    truth = TRUTHS["additive"]
    law = LAWS[truth.law]
    form = Form.of(law, truth.sizes)
    theta = np.array([[0.0] * 5])  # names: A, alpha, B, beta, E
    for place, (scale, exponent) in enumerate((("A", "alpha"), ("B", "beta"))):
        power = truth.values[exponent]
        theta[0, 2 * place] = np.log(truth.values[scale]) - power * form.centres[place]
        theta[0, 2 * place + 1] = np.log(power)
    theta[0, -1] = truth.values["E"]
    assert form.evaluate(theta)[0][0] == pytest.approx(truth.log_entropy, rel=1e-9)
    slopes = form.evaluate(theta)[1][0]
    written = []
    for name, value in truth.values.items():  # by A, B, E themselves
        ends = [
            np.log(law.predict({**truth.values, name: value * factor}, **truth.sizes))
            for factor in (1 + 1e-6, 1 - 1e-6)
        ]
        written.append((ends[0] - ends[1]) / (2e-6 * value))
    squared = np.linalg.cond(slopes) ** 2  # of the normal equations
    assert squared < 1e5
    assert np.linalg.cond(np.array(written).T) ** 2 > 1e10
