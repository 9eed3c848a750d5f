"""Variable projection: the linear parameters are exact where the exponents are on the grid."""

import numpy as np
import pytest
from scipy.optimize import nnls

from llm_encoders.scaling.fit import starts as module
from llm_encoders.scaling.fit.form import Form
from llm_encoders.scaling.fit.starts import non_negative, starts
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
