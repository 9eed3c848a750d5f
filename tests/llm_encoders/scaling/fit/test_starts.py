"""Variable projection: the linear parameters are exact where the exponents are on the grid."""

import numpy as np
import pytest
from scipy.optimize import nnls

from llm_encoders.scaling.fit import starts as module
from llm_encoders.scaling.fit.form import Form
from llm_encoders.scaling.fit.starts import joint_quantity, non_negative, starts
from llm_encoders.scaling.laws import LAWS
from tests.llm_encoders.scaling.fit.truths import grid

ALPHA, BETA = module._EXPONENTS[[6, 9]]
SIZES = grid(np.geomspace(1e6, 1e8, 5), np.geomspace(1e4, 1e6, 5))


def test_non_negative_least_squares():
    generator = np.random.default_rng(0)
    columns, wanted = generator.normal(size=(40, 3, 8)), generator.normal(size=(40, 8))
    weights = generator.uniform(0.5, 2, (40, 8))
    found = non_negative(columns, wanted, weights)
    for place in range(40):
        matrix = (columns[place] * weights[place]).T
        assert found[place] == pytest.approx(nnls(matrix, wanted[place] * weights[place])[0])
    assert (found == 0).any() and (found > 0).any()


@pytest.mark.parametrize("floor", [True, False])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("model-size", {"A": 1e4, "alpha": ALPHA}),
        ("annotations", {"B": 1e3, "beta": BETA}),
        ("joint", {"A": 1e4, "B": 1e3, "alpha": ALPHA, "beta": BETA}),
        ("additive", {"A": 50.0, "B": 300.0, "alpha": ALPHA, "beta": BETA}),
    ],
)
def test_a_law_on_the_grid_is_found_at_once(name, values, floor):
    law = LAWS[name]
    values = {**values, law.floor: 0.0}
    used = {one: SIZES[one] for one in law.uses}
    if floor:  # of the entropy at the largest sizes, six tenths
        values[law.floor] = 1.5 * float(law.predict(values, **used).min())
    form = Form.of(law, SIZES, floor)
    found = starts(form, np.log(law.predict(values, **used)))
    best = {one: value[0] for one, value in form.values(found).items()}
    assert best == pytest.approx(values, rel=1e-6, abs=1e-9)


def test_weights_turn_errors_into_errors_of_log_entropy():
    entropy, beta = np.array([0.2, 0.9, 3.0]), np.array([[0.5], [1.3]])
    value, weights = joint_quantity(entropy, 0.1, beta)
    assert value == pytest.approx((entropy - 0.1) ** (1 / beta))
    step = joint_quantity(entropy * np.exp(1e-6), 0.1, beta)[0] - value
    assert weights * step == pytest.approx(np.full((2, 3), 1e-6), rel=1e-4)


def test_noisy_points_are_weighted_by_their_entropy():
    """The best start, found another way: exponent by exponent."""
    generator = np.random.default_rng(1)
    form = Form.of(LAWS["model-size"], SIZES)
    measured = -0.4 * form.sizes[0] + 0.2 * generator.standard_normal(25)
    entropy, tried = np.exp(measured), []
    for exponent in module._EXPONENTS:
        matrix = np.stack([np.exp(-exponent * form.sizes[0]), np.ones(25)], axis=1)
        factors, _ = nnls(matrix / entropy[:, None], np.ones(25))
        error = np.abs(measured - np.log(matrix @ factors)).sum()
        tried.append((error, np.log(factors[0]), np.log(exponent), factors[1]))
    assert starts(form, measured)[0] == pytest.approx(min(tried)[1:], rel=1e-6, abs=1e-9)
