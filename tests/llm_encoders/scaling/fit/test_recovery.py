"""Points without noise give back the parameters that they were made of."""

import numpy as np
import pytest

from llm_encoders.scaling.fit.fitting import fit
from llm_encoders.scaling.fit.form import Form
from llm_encoders.scaling.laws import LAWS
from tests.llm_encoders.scaling.fit.truths import FEW, TRUTHS, Truth, grid

OTHERS = {
    "few": FEW,
    "no floor": Truth(
        "annotations",
        {"B": 3e3, "beta": 1.05, "delta": 0.0},
        grid([1e6], np.geomspace(2e3, 5e5, 8)),
    ),
}


@pytest.mark.parametrize("name", [*TRUTHS, *OTHERS])
def test_noise_free_points(name):
    truth = (TRUTHS | OTHERS)[name]
    form = Form.of(LAWS[truth.law], truth.sizes)
    found = form.values(fit(form, truth.log_entropy).theta)
    for parameter, value in truth.values.items():
        assert found[parameter][0] == pytest.approx(value, rel=0.01, abs=1e-9), parameter
