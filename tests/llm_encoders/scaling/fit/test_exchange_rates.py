"""What annotations are worth: by hand, by root finding, with infinities where a law never gets."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import brentq

from llm_encoders.errors import EncoderError
from llm_encoders.scaling.fit.exchange_rates import annotations_for, exchange
from llm_encoders.scaling.laws import LAWS
from llm_encoders.scaling.laws.fitted import Bootstrap, FittedLaw

NAMES = ("B", "beta", "delta")
MEASURED = np.array([0.2, 1.0])


def law(source, rows, fixed=1e6):
    values = np.array(rows, float)
    return FittedLaw(
        law=LAWS["annotations"],
        values=dict(zip(NAMES, values[0].tolist(), strict=True)),
        group={"source": source},
        bootstrap=Bootstrap(NAMES, np.resize(values, (100, 3)), 0),
        fixed={"parameters": fixed},
    )


HUMAN = law("human", [[1000, 1, 0.1]])
CHEAP = law("titles", [[5000, 1, 0.1]])


def test_annotations_for_an_entropy():
    values = {"B": 7.1e3, "beta": 1.31, "delta": 0.03}
    found = annotations_for(values, 0.4)
    wanted = brentq(lambda d: float(LAWS["annotations"].predict(values, None, d)) - 0.4, 1, 1e9)
    assert found == pytest.approx(wanted, rel=1e-9)
    assert annotations_for(values, 0.03) == np.inf == annotations_for(values, 0.01)


def test_worth_by_hand():
    (one,) = exchange(CHEAP, HUMAN, (MEASURED, MEASURED), [0.6])
    # 1000/0.5 = 2,000 of one, 5000/0.5 = 10,000 of the other
    assert one.worth == pytest.approx(0.2)
    assert one.interval == pytest.approx((0.2, 0.2)) and one.inside
    assert (one.group, one.reference) == ({"source": "titles"}, {"source": "human"})


def test_worth_that_depends_on_the_entropy():
    steeper = law("titles", [[5000, 2, 0.1]])
    # to L = 0.1 + x: 1000/x and 5000/x^0.5
    found = exchange(steeper, HUMAN, (MEASURED, MEASURED), [0.35, 0.2])
    assert [one.worth for one in found] == pytest.approx([0.2 / 0.25**0.5, 0.2 / 0.1**0.5])


def test_intervals_come_from_pairs_of_draws():
    uncertain = law("titles", [[5000, 1, 0.1], [2500, 1, 0.1]])
    (one,) = exchange(uncertain, HUMAN, (MEASURED, MEASURED), [0.6])
    assert one.interval == pytest.approx((0.2, 0.4))


def test_a_source_that_never_gets_there():
    stuck = law("titles", [[5000, 1, 0.5], [5000, 1, 0.1]])
    (one,) = exchange(stuck, HUMAN, (MEASURED, MEASURED), [0.4])
    assert one.worth is None and one.interval == pytest.approx((0, 0.2))


def test_a_reference_that_may_never_get_there():
    stuck = law("human", [[1000, 1, 0.1], [1000, 1, 0.5]])
    (one,) = exchange(CHEAP, stuck, (MEASURED, MEASURED), [0.4])
    assert one.worth == pytest.approx(0.2)
    assert one.interval == (pytest.approx(0.2), None)


def test_neither_gets_there():
    (one,) = exchange(CHEAP, HUMAN, (MEASURED, MEASURED), [0.05])
    assert one.worth is None and one.interval is None and not one.inside


def test_default_entropies_were_measured_by_both():
    found = exchange(CHEAP, HUMAN, (MEASURED, np.array([0.3, 2.0])))
    assert [one.entropy for one in found] == pytest.approx(
        np.geomspace(0.3, 1.0, 5)[1:-1], rel=0.01
    )
    assert all(one.inside for one in found)


def test_no_common_entropy():
    with pytest.raises(EncoderError, match="at no common entropy.*--at L"):
        exchange(CHEAP, HUMAN, (MEASURED, MEASURED * 10))


def test_other_model_sizes():
    other = dataclasses.replace(CHEAP, fixed={"parameters": 2e6})
    with pytest.raises(
        EncoderError, match="2,000,000 and 1,000,000 parameters.*--where parameters=N"
    ):
        exchange(other, HUMAN, (MEASURED, MEASURED))
