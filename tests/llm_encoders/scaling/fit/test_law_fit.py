"""What is said about a fit: criterion, R2, points held out, warnings that name a parameter."""

import math
import re

import numpy as np
import pytest

from llm_encoders.scaling.fit.fitting import aicc
from llm_encoders.scaling.fit.law_fit import (
    CHOSEN,
    WITHOUT,
    Settings,
    Unidentifiable,
    explained,
    fit_law,
)
from llm_encoders.scaling.fit.points import Points
from llm_encoders.scaling.laws import LAWS
from llm_encoders.scaling.laws.file import LawsFile, read_laws, write_laws
from tests.llm_encoders.scaling.fit.truths import FEW, TRUTHS, Truth, grid

QUICK = Settings(draws=100)
JOINT = TRUTHS["joint, MS MARCO"]


def points_of(truth, noise=0.0, seed=0):
    generator = np.random.default_rng(seed)
    entropy = np.exp(truth.log_entropy + noise * generator.standard_normal(len(truth.log_entropy)))
    lines = tuple(range(2, 2 + len(entropy)))
    return Points("points.csv", "", lines, {**truth.sizes, "entropy": entropy}, {})


def fitted(truth, noise=0.0, settings=QUICK, seed=0):
    return fit_law(LAWS[truth.law], points_of(truth, noise, seed), {}, settings)[0]


def test_the_criterion_by_hand():
    residuals = np.array([[0.1, -0.2, 0.3, 0.1, -0.1, 0.0]])
    wanted = 6 * math.log(0.16 / 6) + 2 * 3 + 2 * 3 * 4 / (6 - 3 - 1)
    assert aicc(residuals, np.array([9.0]), 2) == pytest.approx(wanted)
    assert aicc(residuals, np.array([9.0]), 4) is None
    # 0.3 beyond the threshold counts 2 * 0.2 * 0.3 - 0.2^2
    clipped = 6 * math.log((0.07 + 0.08) / 6) + 18
    assert aicc(residuals, np.array([0.2]), 2) == pytest.approx(clipped)


def test_explained_variance_by_hand():
    assert explained(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.5, 3.5])) == 0.75
    assert explained(np.ones(3), np.ones(3)) is None


def test_with_a_floor_and_without():
    law = fitted(JOINT, 0.02)
    assert law.criterion.chosen == "with_delta"
    assert law.criterion.with_delta < law.criterion.without_delta - 10
    plain = Truth("joint", {**JOINT.values, "delta": 0.0}, JOINT.sizes)
    chosen = fitted(plain, 0.02, Settings(CHOSEN, 100))
    assert chosen.criterion.chosen == "without_delta" and not chosen.with_delta
    assert chosen.values["delta"] == 0 and "delta" not in chosen.interval
    assert not fitted(FEW, 0.02, Settings(WITHOUT, 100)).with_delta


def test_quality_figures():
    law = fitted(JOINT, 0.02)
    residuals = np.log(points_of(JOINT, 0.02).entropy) - np.log(law.predict(**JOINT.sizes))
    assert law.rms_log == pytest.approx(np.sqrt(np.mean(residuals**2)))
    assert law.scatter == pytest.approx(np.sqrt(np.sum(residuals**2) / (36 - 5)))
    assert 0.99 < law.r2_log < 1 and 0.99 < law.r2 < 1
    assert law.range["parameters"] == pytest.approx((0.5e6, 82e6))
    assert law.points == 36 and law.fixed == {}


def test_points_held_out():
    """The largest points deviate by a known factor; the rest is without noise."""
    points = points_of(JOINT)
    entropy = points.entropy.copy()
    entropy[points.sizes["parameters"] == points.sizes["parameters"].max()] *= math.exp(0.2)
    changed = Points("points.csv", "", points.lines, {**points.sizes, "entropy": entropy}, {})
    found = {one.rule: one for one in fit_law(LAWS["joint"], changed, {}, QUICK)[0].hold_out}
    assert list(found) == [
        "largest parameters",
        "largest annotations",
        "largest parameters and annotations",
    ]
    one = found["largest parameters"]
    assert (one.trained, one.tested, one.inside_interval) == (30, 6, 0)
    assert one.rms_log == pytest.approx(0.2, rel=1e-3) and one.worst == pytest.approx(0.2, rel=1e-3)
    corner = found["largest parameters and annotations"]
    assert (corner.trained, corner.tested) == (25, 1)
    assert corner.rms_log == pytest.approx(0.2, rel=1e-3)
    (single,) = fitted(FEW, 0.01).hold_out
    assert (single.rule, single.trained, single.tested) == ("largest parameters", 6, 1)


def test_forecasts_of_points_held_out_hold():
    """Of laws that are true, nearly all points lie inside the intervals."""
    found = [fitted(JOINT, 0.02, seed=seed).hold_out for seed in range(2)]
    inside = sum(one.inside_interval for rules in found for one in rules)
    assert inside >= 0.85 * sum(one.tested for rules in found for one in rules)


def test_the_points_of_a_law_of_one_size():
    law, used = fit_law(LAWS["annotations"], points_of(JOINT, 0.02), {"a": "b"}, QUICK)
    assert law.fixed == {"parameters": pytest.approx(82e6)} and len(used) == law.points == 6
    assert law.group == {"a": "b"}


BERTS = [1e6, 3e6, 9e6, 3e7, 9e7]
UNIDENTIFIABLE = [
    ("model-size", grid([1e6], BERTS), "A and alpha cannot be identified: all points"),
    ("annotations", grid(BERTS, [1e5]), "B and beta .* identified: .*annotations .D = 100,000"),
    ("joint", grid([1e6], BERTS), "A and alpha cannot be identified"),
    ("additive", grid(BERTS, [1e5]), "B and beta cannot be identified"),
    ("model-size", grid([1e6, 2e6], [1e5]), "delta .* from A and alpha by two .* takes four"),
    ("joint", grid([1e6, 2e6], [1e4, 2e4]), "the law has 5 parameters, which need points at 6"),
    (
        "additive",
        {"parameters": np.array(BERTS), "annotations": 20 * np.array(BERTS)},
        "the law has 5 parameters, which need points at 6 or more different sizes, and there are 5",
    ),
    (
        "joint",
        {"parameters": np.geomspace(1e6, 1e8, 8), "annotations": np.geomspace(1e4, 1e6, 8)},
        "A and alpha cannot be distinguished from B and beta: .* rise together",
    ),
]


@pytest.mark.parametrize(("name", "sizes", "sentence"), UNIDENTIFIABLE)
def test_points_that_cannot_identify_a_law(name, sizes, sentence):
    entropy = 5 * sizes["parameters"] ** -0.2 * sizes["annotations"] ** -0.1
    points = Points("x", "", tuple(range(len(entropy))), {**sizes, "entropy": entropy}, {})
    with pytest.raises(Unidentifiable, match=sentence):
        fit_law(LAWS[name], points, {}, QUICK)


def warned(truth, noise=0.0, settings=QUICK, seed=0):
    return " ".join(fitted(truth, noise, settings, seed).warnings)


def test_no_warning_without_reason():
    assert fitted(JOINT, 0.01).warnings == ()


def test_a_parameter_whose_interval_is_wider_than_a_decade():
    narrow = Truth("model-size", FEW.values, grid(np.geomspace(1e6, 3e6, 6), [1e5]))
    law = fitted(narrow, 0.03)
    for name, (low, high) in law.interval.items():
        if high > 10 * low:
            assert any(one.startswith(f"{name} ") for one in law.warnings), name
    assert any(one.startswith("A ") for one in law.warnings)


def test_an_optimum_at_a_bound():
    size = np.log(FEW.sizes["parameters"] / 1e6)
    entropy = np.exp(-0.3 * size - 0.05 * size**2)
    points = Points("x", "", tuple(range(7)), {**FEW.sizes, "entropy": entropy}, {})
    law = fit_law(LAWS["model-size"], points, {}, QUICK)[0]
    assert law.values["delta"] == 0
    assert any(one.startswith("delta is at its bound, 0") for one in law.warnings)
    flat = Points("x", "", tuple(range(7)), {**FEW.sizes, "entropy": np.full(7, 0.5)}, {})
    found = fit_law(LAWS["model-size"], flat, {}, Settings(WITHOUT, 100))[0].warnings
    assert any(one.startswith("alpha is at the smallest value") for one in found)


def test_an_exponent_on_two_sizes():
    truth = Truth("joint", JOINT.values, grid([1e6, 3e7], np.geomspace(1e4, 5e5, 6)))
    assert "alpha rests on two distinct parameters only" in warned(truth, 0.01)


def test_a_floor_that_three_sizes_cannot_identify():
    truth = Truth("model-size", FEW.values, grid([1e6, 1e7, 8e7], [1e5]))
    assert "delta is fixed at 0: the law has 3 parameters, which need points at 4" in warned(truth)


@pytest.mark.parametrize(
    ("entropy", "sentence"),
    [
        (np.linspace(0.5, 1.4, 7), r"R² is -\d\.\d{3}, a constant does better"),
        ([1.3, 0.9, 1.25, 1.0, 0.7, 1.15, 0.8], r"R² is 0\.\d{3}, it explains [1-4]\d % of"),
        ([1.4, 1.2, 1.15, 0.9, 0.9, 0.7, 0.6], None),
    ],
)
def test_points_that_do_not_follow_the_law(entropy, sentence):
    points = Points("x", "", tuple(range(7)), {**FEW.sizes, "entropy": np.array(entropy)}, {})
    law, _ = fit_law(LAWS["model-size"], points, {}, Settings(WITHOUT, 100))
    found = [one for one in law.warnings if one.startswith("The points do not follow the law")]
    assert len(found) == (sentence is not None)
    assert not found or re.search(sentence, found[0])


def test_a_point_far_off_is_named():
    points = points_of(TRUTHS["size, MS MARCO"], 0.01)
    entropy = points.entropy.copy()
    entropy[4] *= 1.5
    changed = Points("x", "", points.lines, {**points.sizes, "entropy": entropy}, {})
    found = fit_law(LAWS["model-size"], changed, {}, QUICK)[0].warnings
    named = [one for one in found if one.startswith("The point on line 6 lies ")]
    assert len(named) == 1 and "above the law" in named[0]


SIZES = np.array([26_784.0, 90_192.0, 213_568.0]).repeat(3)
PAIRS = np.tile([40.0, 80.0, 160.0], 3)


def measured(entropies):
    sizes = {"parameters": SIZES, "annotations": PAIRS, "entropy": np.array(entropies)}
    return Points("points.csv", "", tuple(range(2, 11)), sizes, {})


def test_a_law_whose_parameter_no_number_holds_is_none():
    rising = [6.788, 5.589, 4.992, 7.382, 7.623, 5.296, 10.709, 8.049, 5.662]  # in N
    with pytest.raises(Unidentifiable, match=r"^A would be below 1e-300 or above 1e\+300"):
        fit_law(LAWS["joint"], measured(rising), {}, QUICK)


def test_draws_beyond_numbers_stay_at_the_last_that_is_held(tmp_path):
    flat = [4.392, 4.418, 3.923, 4.588, 3.664, 3.530, 4.409, 3.788, 3.552]
    law, _ = fit_law(LAWS["joint"], measured(flat), {}, QUICK)
    drawn = law.bootstrap.columns()["A"]
    assert drawn.min() == 1e-300 and np.isfinite(drawn).all()
    write_laws(tmp_path / "laws.json", LawsFile((law,)))
    (read,) = read_laws(tmp_path / "laws.json").laws
    assert read.bootstrap.values.tolist() == law.bootstrap.values.tolist()
