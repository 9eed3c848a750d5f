"""Shares, ratios, optimal points and counts, each by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array

from llm_encoders.distill_query.tradeoff.memory_search import MemorySearch
from llm_encoders.distill_query.tradeoff.query_side import QuerySide
from llm_encoders.distill_query.tradeoff.report import table_rows
from llm_encoders.encoding.impacts import quantize

NAMES = ("ndcg@10", "recall@50", "recall@1000", "queries/s batch", "queries/s single")
FIGURES = {
    "teacher": (0.5, 0.8, 0.9, 100.0, 10.0),
    "fast": (0.4, 0.8, 0.45, 50.0, 20.0),
    "slow": (0.4, 0.7, 0.9, 400.0, 5.0),
}


def test_rows_are_set_against_the_teacher():
    measured = [
        {"encoder": name, **dict(zip(NAMES, one, strict=True))} for name, one in FIGURES.items()
    ]
    teacher, fast, slow = table_rows(measured)
    assert [fast[f"{name} share"] for name in NAMES[:3]] == pytest.approx([0.8, 1, 0.5])
    assert [teacher[f"{name} share"] for name in NAMES[:3]] == [1, 1, 1]
    assert (fast["queries/s batch ratio"], fast["queries/s single ratio"]) == (0.5, 2)
    # quality and queries per second one by one decide; by those in batch, slow would be optimal
    optimal = [[row[f"{name} optimal"] for name in NAMES[:3]] for row in (teacher, fast, slow)]
    assert optimal == [[True, False, True], [True, True, True], [False, False, False]]


COLLECTION = SimpleNamespace(
    ids=["x", "y"],
    queries={"1": "two terms", "2": "a weight that is rounded to 0", "3": "nothing"},
    qrels={"1": {"y": 1}, "2": {"y": 1}, "3": {"x": 1}},
)
QUERIES = np.array([[0.6, 0, 2], [0, 0, 0.2], [0, 0, 0]], dtype=np.float32)
PASSAGES = np.array([[1, 5, 0], [1, 0, 1]], dtype=np.float32)


@pytest.mark.parametrize(
    ("paradigm", "expected"),
    [
        # impacts 1 0 2: scores 1 and 3; the two other queries have none
        ("sparse", {"ndcg@10": 1 / 3, "query terms": 2 / 3, "empty queries": 2}),
        # of the zero vector both scores are 0, and the larger id is first
        ("dense", {"ndcg@10": (1 + 1 + 1 / np.log2(3)) / 3, "empty queries": 1}),
    ],
)
def test_quality(paradigm, expected):
    sparse = paradigm == "sparse"
    encoder = SimpleNamespace(
        config=SimpleNamespace(paradigm=paradigm),
        encode_queries=lambda texts: csr_array(QUERIES) if sparse else QUERIES,
        quantize=lambda vectors: quantize(vectors, 1.0),
    )
    passages = csr_array(PASSAGES.astype(np.int32)) if sparse else PASSAGES
    side = QuerySide("x", encoder, MemorySearch(passages, COLLECTION.ids, 1000))
    found = side.quality(COLLECTION, [None] * 3)
    assert ("query terms" in found) == sparse
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_one_dense_query_is_ranked_as_among_others():
    generator = np.random.default_rng(0)
    passages, queries = generator.normal(size=(40, 8)), generator.normal(size=(5, 8))
    ids = [f"d{number}" for number in range(40)]
    search = MemorySearch(passages.astype(np.float32), ids, 1000)
    together = search.rankings(queries.astype(np.float32), [None, 3, None, None, 7])
    for number, own in enumerate([None, 3, None, None, 7]):
        (alone,) = search.rankings(queries[number : number + 1].astype(np.float32), [own])
        expected = passages @ queries[number]
        best = [place for place in np.argsort(-expected) if place != own]
        assert alone.columns.tolist() == together[number].columns.tolist() == best
