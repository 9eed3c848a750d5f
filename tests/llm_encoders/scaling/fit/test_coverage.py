"""95 % intervals hold the truth in at least 90 of 100 draws of noisy points."""

import numpy as np
import pytest

from llm_encoders.scaling.fit.bootstrap import interval, redraw
from llm_encoders.scaling.fit.deviations import Deviations
from llm_encoders.scaling.fit.fitting import fit
from llm_encoders.scaling.fit.form import Form
from llm_encoders.scaling.laws import LAWS
from tests.llm_encoders.scaling.fit.truths import FEW, TRUTHS


def covered(truth, noise, draws, bootstrap=300, seeds=1, between=0.0):
    """How often the interval of each parameter holds its true value.

    Args:
        noise: standard deviation of a measurement's log entropy.
        seeds: measurements at every size.
        between: standard deviation of log entropy that all seeds of a size share.
    """
    sizes = {name: np.repeat(values, seeds) for name, values in truth.sizes.items()}
    cells = np.repeat(np.arange(len(truth.log_entropy)), seeds)
    form = Form.of(LAWS[truth.law], sizes)
    generator = np.random.default_rng(2024)
    held = dict.fromkeys(truth.values, 0)
    for draw in range(draws):
        shared = between * generator.standard_normal(len(truth.log_entropy))
        own = noise * generator.standard_normal(len(cells))
        best = fit(form, (truth.log_entropy + shared)[cells] + own)
        deviations = Deviations.of(best.residuals[0], cells, best.theta.shape[1])
        values = redraw(form, best, deviations, bootstrap, draw, "coverage").columns()
        for name, true in truth.values.items():
            low, high = interval(values[name])
            held[name] += low <= true <= high
    return held


@pytest.mark.whole
@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.01, 0.03])
@pytest.mark.parametrize("name", [*TRUTHS, "few"])
def test_coverage(name, noise):
    held = covered({**TRUTHS, "few": FEW}[name], noise, 100)
    assert min(held.values()) >= 90, held


@pytest.mark.whole
@pytest.mark.slow
def test_coverage_where_sizes_deviate_more_than_seeds():
    """As if seeds were points of their own, intervals would be too narrow."""
    held = covered(TRUTHS["joint, MS MARCO"], 0.005, 100, seeds=2, between=0.02)
    assert min(held.values()) >= 90, held


def test_coverage_of_few_points():
    """Also with seven points, where resampled residuals held the truth 87 times of 100."""
    held = covered(FEW, 0.03, 40, bootstrap=150)
    assert min(held.values()) >= 36, held
