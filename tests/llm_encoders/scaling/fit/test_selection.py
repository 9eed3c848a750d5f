"""Which points are fitted together."""

import pytest

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.scaling.fit.points import read_points
from llm_encoders.scaling.fit.selection import (
    at_one_size,
    groups,
    require_alike,
    shared,
    where,
)

TEXT = """parameters,annotations,entropy,seed,paradigm,temperature,group
1e6,1e4,0.9,1,sparse,0.01,a
1e6,2e4,0.8,1,sparse,0.010,a
2e6,1e4,0.7,1,dense,0.02,b
2e6,1e4,0.6,2,dense,0.02,b
"""
ALIKE = TEXT.replace("dense", "sparse").replace("0.02", "0.01")


@pytest.fixture
def points(tmp_path):
    def read(text=TEXT):
        (tmp_path / "points.csv").write_text(text)
        return read_points(tmp_path / "points.csv")

    return read


def test_where(points):
    found = where(points(), [("paradigm", "dense"), ("seed", "2.0")])
    assert found.entropy.tolist() == [0.6] and found.lines == (5,)
    assert where(points(), [("parameters", "1000000")]).lines == (2, 3)


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (("paradim", "dense"), "has no column 'paradim'. Did you mean 'paradigm'"),
        (("paradigm", "dens"), "no point of .* has it. paradigm is 'sparse' and 'dense' there"),
    ],
)
def test_where_of_something_else(condition, sentence, points):
    with pytest.raises(UsageError, match=sentence):
        where(points(), [condition])


def test_groups(points):
    found = groups(points(), ["paradigm", "temperature"])
    assert [one for one, _ in found] == [
        {"paradigm": "sparse", "temperature": "0.01"},
        {"paradigm": "dense", "temperature": "0.02"},
    ]
    assert [part.lines for _, part in found] == [(2, 3), (4, 5)]
    ((name, everything),) = groups(points(), [])
    assert name == {} and len(everything) == 4
    with pytest.raises(UsageError, match="--by sourc"):
        groups(points(), ["sourc"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TEXT, "mix values of paradigm: 'sparse' on line 2 and 'dense' on line 4. .*--by paradigm"),
        (
            TEXT.replace("dense", "sparse"),
            "mix values of temperature: '0.01' on line 2 and '0.02' on line 4. "
            ".*--where temperature=0.01",
        ),
        (
            TEXT.replace("paradigm", "source").replace("dense", "human"),
            "mix values of source: 'sparse' on line 2 and 'human' on line 4",
        ),
        (
            ALIKE.replace("seed", "run").replace("temperature", "negatives").replace("0.010", ""),
            "mix values of negatives: '0.01' on line 2 and '' on line 3",
        ),
    ],
)
def test_mixtures(text, sentence, points):
    with pytest.raises(EncoderError, match=sentence):
        require_alike(points(text))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            ALIKE.replace("0.6,2", "0.6,1"),
            "line 5: 2,000,000 parameters, 10,000 annotations and seed 1 stand on line 4 as well. "
            "Leave one of them out",
        ),
        (
            ALIKE.replace("seed", "run").replace("0.6,2", "0.6,1"),
            "line 5: .* stand on line 4 as well. .* name the seeds in a column 'seed'",
        ),
        (ALIKE.replace("0.6,2", "0.6,1.0"), "line 5: .* on line 4 as well"),
    ],
)
def test_a_measurement_twice(text, sentence, points):
    with pytest.raises(EncoderError, match=sentence):
        require_alike(points(text))


def test_alike(points):
    require_alike(points(ALIKE))
    assert shared(points(ALIKE)) == {"paradigm": "sparse", "temperature": "0.01"}
    assert shared(points()) == {}


def test_the_size_with_most_of_the_other(points):
    found, value = at_one_size(points(), "parameters", "annotations")
    assert value == 1e6 and found.lines == (2, 3)
    # a seed more is not a size more; among equals, the largest
    tied = TEXT.replace("1e6,2e4", "1e6,1e4")
    assert at_one_size(points(tied), "parameters", "annotations")[1] == 2e6
