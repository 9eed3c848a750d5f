"""laws.json: what is written is read, and nothing else passes."""

import copy
import json

import numpy as np
import pytest

from llm_encoders.errors import EncoderError
from llm_encoders.scaling.laws import LAWS
from llm_encoders.scaling.laws.exchange import Exchange
from llm_encoders.scaling.laws.file import (
    FORMAT,
    LawsFile,
    PointsFile,
    laws_text,
    read_laws,
    write_laws,
)
from llm_encoders.scaling.laws.fitted import Bootstrap, Criterion, FittedLaw, HoldOut

JOINT = {"A": 36000, "B": 7100, "alpha": 0.56, "beta": 1.31, "delta": 0.03}
BY_HAND = {"format": FORMAT, "laws": [{"law": "joint", "parameters": JOINT}]}
WHOLE = LawsFile(
    laws=(
        FittedLaw(
            law=LAWS["model-size"],
            values={"A": 3.2e4, "alpha": 0.53, "delta": 0.04},
            group={"paradigm": "sparse"},
            interval={"A": (1e4, 1e5), "alpha": (0.5, 0.6), "delta": (0.0, 0.05)},
            level=0.95,
            bootstrap=Bootstrap(
                ("A", "alpha", "delta"), np.array([[3e4, 0.5, 0.0], [3.5e4, 0.6, 0.05]]), 7
            ),
            scatter=0.02,
            r2=0.99,
            r2_log=0.98,
            rms_log=0.01,
            hold_out=(HoldOut("largest parameters", 5, 1, 0.1, 0.1, 1),),
            criterion=Criterion("AICc", -10.0, None, "with_delta"),
            range={"parameters": (1e5, 1e8), "annotations": (1e5, 1e5)},
            fixed={"annotations": 1e5},
            points=6,
            warnings=("delta is not identified.",),
        ),
    ),
    points=PointsFile("points.csv", "ab" * 32, 6),
    conditions={"temperature": "1", "negatives": "256"},
    exchange=(
        Exchange({"source": "titles"}, {"source": "human"}, 0.5, 0.2, (0.1, None), True),
        Exchange({"source": "titles"}, {"source": "human"}, 0.1, None, None, False),
    ),
)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "laws.json"
    write_laws(path, WHOLE)
    found = read_laws(path)
    assert laws_text(found) == laws_text(WHOLE) == path.read_text(encoding="utf-8")
    assert found.points == WHOLE.points and found.exchange == WHOLE.exchange
    (law,), (wanted,) = found.laws, WHOLE.laws
    assert (law.bootstrap.values == wanted.bootstrap.values).all()
    assert (law.interval, law.hold_out, law.range) == (
        wanted.interval,
        wanted.hold_out,
        wanted.range,
    )
    assert json.loads(laws_text(WHOLE))["laws"][0]["bootstrap"]["values"][1] == [3.5e4, 0.6, 0.05]


def test_by_hand(tmp_path):
    path = tmp_path / "paper.json"
    path.write_text(json.dumps(BY_HAND))
    (law,) = read_laws(path).find("joint")
    assert law.values == JOINT and law.with_delta
    assert law.bootstrap is None and law.interval is None and law.draws(1e6, 1e5) is None
    assert law.predict(36000, 7100e9) == pytest.approx(1.03, rel=1e-6)


def test_predictions_of_all_draws():
    (law,) = WHOLE.laws
    found = law.draws([1e6, 1e7, 1e8])
    assert found.shape == (2, 3)
    assert found[1, 2] == pytest.approx((3.5e4 / 1e8) ** 0.6 + 0.05)
    assert law.draws(1e6).shape == (2,)
    assert law.draws(np.full((4, 5), 1e6)).shape == (2, 4, 5)


def test_a_law_that_is_there_twice_is_refused(tmp_path):
    path = tmp_path / "twice.json"
    (law,) = BY_HAND["laws"]
    path.write_text(json.dumps({**BY_HAND, "laws": [law, {**law, "with_delta": True}]}))
    with pytest.raises(EncoderError, match=r"laws\[1\] is the law joint once more"):
        read_laws(path)
    groups = [{"paradigm": "dense"}, {"paradigm": "sparse"}, {"paradigm": "dense"}]
    laws = [{**law, "group": group} for group in groups]
    path.write_text(json.dumps({**BY_HAND, "laws": laws[:2]}))
    assert len(read_laws(path).laws) == 2
    path.write_text(json.dumps({**BY_HAND, "laws": laws}))
    with pytest.raises(
        EncoderError,
        match=r"laws\[2\] is the law joint, paradigm dense once more, after laws\[0\]; keep one",
    ):
        read_laws(path)


LAW = ["laws", 0]
FAULTS = [
    (["format"], "other", "a file of scaling laws has"),
    (["format"], None, "has no format"),
    (["lawz"], 1, "lawz is no key of a file of laws. Did you mean 'laws'?"),
    (["laws"], None, "laws is missing"),
    (["laws"], {}, "laws must be a list"),
    (["laws"], [], "laws is empty"),
    (["laws"], [1], r"laws\[0\] must be an object"),
    ([*LAW, "law"], "join", "which is unknown. Did you mean 'joint'?"),
    ([*LAW, "law"], None, r"laws\[0\].law is missing"),
    ([*LAW, "parameters", "A"], None, r"laws\[0\].parameters.A is missing"),
    ([*LAW, "parameters", "A"], -1, "A is -1, but must be above 0"),
    ([*LAW, "parameters", "A"], 0, "A is 0, but must be above 0"),
    ([*LAW, "parameters", "A"], float("nan"), "A must be a finite number"),
    ([*LAW, "parameters", "A"], 10**400, "A must be a finite number"),
    ([*LAW, "parameters", "A"], "3", "A must be a number"),
    ([*LAW, "parameters", "A"], True, "A must be a number"),
    ([*LAW, "parameters", "delta"], -0.1, "delta is -0.1, but must be at least 0"),
    ([*LAW, "parameters", "E"], 1, "parameters.E is no key"),
    ([*LAW, "with_delta"], 1, "with_delta must be true or false"),
    ([*LAW, "with_delta"], False, 'delta = 0.03 beside "with_delta": false'),
    ([*LAW, "interval"], {"A": [1, 2]}, "level is missing"),
    ([*LAW, "level"], 1, "level is 1, but must be below 1"),
    ([*LAW, "interval"], {"a": [1, 2]}, "interval.a is no key"),
    ([*LAW, "range"], {"parameters": [2, 1]}, "lower end, 2, above its upper end, 1"),
    ([*LAW, "range"], {"parameters": [2]}, "a list of two numbers"),
    ([*LAW, "range"], {"parameters": [0, 5]}, "range.parameters.0. is 0, but must be above 0"),
    ([*LAW, "range"], {"N": [1, 2]}, "range.N is no key"),
    ([*LAW, "fixed"], {"parameters": 0}, "must be above 0"),
    ([*LAW, "points"], 0, "points must be an integer of at least 1"),
    ([*LAW, "points"], 1.5, "points must be an integer"),
    ([*LAW, "warnings"], [1], r"warnings\[0\] must be a text"),
    ([*LAW, "group"], {"source": 1}, "group.source must be a text"),
    ([*LAW, "scatter"], -1, "scatter is -1"),
    (
        [*LAW, "bootstrap"],
        {"parameters": ["A"], "values": [[1]], "seed": 0},
        "must list the parameters of the law joint: A, B, alpha, beta, delta",
    ),
    (
        [*LAW, "bootstrap"],
        {"parameters": list(JOINT), "values": [[1, 1, 1, 1]], "seed": 0},
        r"bootstrap.values\[0\] must be a list of 5 numbers",
    ),
    (
        [*LAW, "bootstrap"],
        {"parameters": list(JOINT), "values": [[1, 1, 1, 0, 0]], "seed": 0},
        r"values\[0\]\[3\] is 0, but must be above 0",
    ),
    ([*LAW, "bootstrap"], {"parameters": list(JOINT), "values": [], "seed": 0}, "values is empty"),
    ([*LAW, "criterion"], {"name": "AICc", "chosen": "both"}, "chosen is 'both'"),
    ([*LAW, "hold_out"], [{"rule": "largest"}], "trained is missing"),
    (["points"], {"file": "x", "sha256": "y", "rows": 0}, "rows must be an integer"),
    (["conditions"], {"temperature": 1}, "conditions.temperature must be a text"),
    (["exchange"], [{"group": {}, "reference": {}, "entropy": 0}], "must be above 0"),
    (
        ["exchange"],
        [{"group": {}, "reference": {}, "entropy": 1, "interval": [1], "inside": True}],
        "a list of two numbers",
    ),
]


@pytest.mark.parametrize(("place", "value", "sentence"), FAULTS)
def test_faults(place, value, sentence, tmp_path):
    content = copy.deepcopy(BY_HAND)
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path = tmp_path / "laws.json"
    path.write_text(json.dumps(content))
    with pytest.raises(EncoderError, match=sentence) as error:
        read_laws(path)
    assert str(path) in str(error.value)
    assert error.value.exit_code == 1


@pytest.mark.parametrize("text", ["", "[]", "{", "parameters,annotations\n"])
def test_other_files(text, tmp_path):
    path = tmp_path / "laws.json"
    path.write_text(text)
    with pytest.raises(EncoderError, match=r"laws\.json"):
        read_laws(path)
