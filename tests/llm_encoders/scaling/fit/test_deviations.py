"""Between sizes and between seeds: sums of squares by hand, and draws that follow them."""

import numpy as np
import pytest
from scipy import stats

from llm_encoders.scaling.fit.deviations import Deviations

# Three sizes of two seeds, one of one: means 2, -1, 1, 3; within 1+1, 4+4, 0+0
RESIDUALS = np.array([1.0, 3.0, -3.0, 1.0, 1.0, 1.0, 3.0])
CELLS = np.array([0, 0, 1, 1, 2, 2, 3])


def test_by_hand():
    found = Deviations.of(RESIDUALS, CELLS, 2)
    # between: 2*4 + 2*1 + 2*1 + 9 = 21 over 2 degrees; within: 10 over 3
    assert (found.between, found.between_freedom) == (pytest.approx(21), 2)
    assert (found.within, found.within_freedom) == (pytest.approx(10), 3)
    assert found.repeats == pytest.approx((7 - 13 / 7) / 3)
    variance = 10 / 3 + (21 / 2 - 10 / 3) / found.repeats
    assert found.scatter == pytest.approx(variance**0.5)


def test_sizes_without_seeds():
    found = Deviations.of(np.array([1.0, -2.0, 2.0]), np.arange(3), 1)
    assert (found.between, found.between_freedom, found.within_freedom) == (9.0, 2, 0)
    assert found.scatter == pytest.approx(4.5**0.5)


def test_sizes_that_differ_no_more_than_seeds():
    found = Deviations.of(np.array([1.0, -1.0] * 4), np.repeat(np.arange(4), 2), 2)
    assert (found.between, found.between_freedom, found.within_freedom) == (8.0, 6, 0)


def test_draws_follow_student():
    """A chi-squared variance and normal deviations make Student's t."""
    found = Deviations.of(np.array([1.0, -2.0, 2.0, 0.5, 0.5, 0.0]), np.arange(6), 1)
    drawn = found.draw(20_000, np.random.default_rng(0)) / found.scatter
    assert stats.kstest(drawn[:, 0], stats.t(5).cdf).pvalue > 0.01
    assert stats.kstest(drawn[:, 5], stats.t(5).cdf).pvalue > 0.01


def test_seeds_of_a_size_share_its_deviation():
    generator = np.random.default_rng(4)
    cells = np.repeat(np.arange(400), 2)
    residuals = generator.normal(0, 0.3, 400)[cells] + generator.normal(0, 0.1, 800)
    found = Deviations.of(residuals, cells, 3)
    drawn = found.draw(50, np.random.default_rng(0))
    together = np.mean(drawn[:, ::2] * drawn[:, 1::2])
    apart = np.mean(drawn[:, :-2:2] * drawn[:, 2::2])
    assert together == pytest.approx(0.3**2, rel=0.15)
    assert apart == pytest.approx(0, abs=0.005)
    assert np.mean((drawn[:, ::2] - drawn[:, 1::2]) ** 2) == pytest.approx(2 * 0.1**2, rel=0.15)
    assert np.mean(drawn**2) == pytest.approx(0.3**2 + 0.1**2, rel=0.15)
    assert found.scatter == pytest.approx(0.1**0.5, rel=0.1)
