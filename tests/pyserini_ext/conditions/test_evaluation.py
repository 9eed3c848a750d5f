"""One call of trec_eval computes all measures that share their options, and no others."""

import pytest

from pyserini_ext.conditions import FAMILIES
from pyserini_ext.conditions.evaluation import evaluations


@pytest.mark.parametrize(
    ("family", "key", "calls"),
    [
        (
            "msmarco-v1-passage",
            "msmarco-v1-passage.dev",
            ["-c -M 10 -m recip_rank q r", "-c -m recall.1000 q r"],
        ),
        (
            "msmarco-v1-passage",
            "dl19-passage",
            ["-c -l 2 -m map -m recall.1000 q r", "-c -m ndcg_cut.10 q r"],
        ),
        ("beir", "scifact", ["-c -m ndcg_cut.10 -m recall.100,1000 q r"]),
    ],
)
def test_the_calls_of_a_family(family, key, calls):
    measures = FAMILIES[family].measures_for(key)
    found = evaluations(measures, "q", "r")
    assert [" ".join(one.words) for one in found] == calls
    assert [one.text.partition("trec_eval ")[2] for one in found] == calls
    assert sorted(name for one in found for name in one.measures) == sorted(measures)
