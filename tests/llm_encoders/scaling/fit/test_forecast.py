"""Forecasts: the law's value, bands that hold, a warning a decade beyond the points."""

import numpy as np
import pytest

from llm_encoders.scaling.fit.forecast import forecast, measurement_band
from llm_encoders.scaling.laws import LAWS
from llm_encoders.scaling.laws.fitted import Bootstrap, FittedLaw

NAMES = ("A", "alpha", "delta")
SPREAD = np.stack(
    [np.full(401, 1e4), np.full(401, 0.5), np.linspace(0.1, 0.5, 401)], axis=1
)  # delta alone is uncertain
LAW = FittedLaw(
    law=LAWS["model-size"],
    values={"A": 1e4, "alpha": 0.5, "delta": 0.3},
    interval={"A": (1e4, 1e4), "alpha": (0.5, 0.5), "delta": (0.11, 0.49)},
    bootstrap=Bootstrap(NAMES, SPREAD, 0),
    scatter=1e-9,
    range={"parameters": (1e6, 1e8), "annotations": (1e5, 1e5)},
    points=10,
)


def test_value_and_band_by_hand():
    found = forecast(LAW, {"parameters": 1e8})
    assert found.entropy == pytest.approx(0.01 + 0.3)
    assert found.law == pytest.approx((0.01 + 0.11, 0.01 + 0.49))
    assert found.measurement == pytest.approx(found.law)
    assert found.warnings == ()


def test_a_measurement_scatters_around_the_law():
    certain = Bootstrap(NAMES, np.tile([1e4, 0.5, 0.3], (20_000, 1)), 0)
    low, high = measurement_band(LAW.law, certain, 0.1, 5, {"parameters": np.array([1e8])})
    # Student's t of 5 degrees: 2.571
    assert np.log(low / 0.31) == pytest.approx([-0.2571], rel=0.06)
    assert np.log(high / 0.31) == pytest.approx([0.2571], rel=0.06)


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        (9.9e8, None),
        (
            1.1e9,
            "parameters = 1,100,000,000 lies 1.0 decades beyond the points (1,000,000 to 100,000",
        ),
        (1.1e5, None),
        (1e4, "parameters = 10,000 lies 2.0 decades beyond"),
    ],
)
def test_a_decade_beyond_the_points(size, sentence):
    found = forecast(LAW, {"parameters": size}).warnings
    assert (sentence is None and not found) or found[0].startswith(sentence)
