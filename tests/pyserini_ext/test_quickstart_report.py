"""The quickstart's examples: which queries are shown, and that the terms add up to the score."""

import json

import pytest

from llm_encoders import EncoderError, SparseEncoder
from pyserini_ext.quickstart import matches as matches_module
from pyserini_ext.quickstart.collection import Collection
from pyserini_ext.quickstart.examples import Example, Result, choose, read_results
from pyserini_ext.quickstart.matches import Match, document_impacts, matches
from pyserini_ext.quickstart.report import Impacts, example_text

QRELS = {"q1": {"a": 1}, "q2": {"b": 1, "c": 2}, "q3": {"d": 1}}
RUNS = {  # ranks of the first relevant: q1 1, 2, –; q2 2, 1, 4; q3 –, –, 3
    "one": "q1:a,b q2:d,b q3:a,b",
    "two": "q1:b,a q2:c,b q3:a",
    "three": "q2:a,d,e,b q3:a,b,d",
}
QUERIES = {"q1": "first", "q2": "second", "q3": "third"}
DOCUMENTS = {docid: (f"title {docid}", f"about {docid}") for docid in "abcde"}


@pytest.fixture
def results(tmp_path):
    return {name: results_of(tmp_path / name, text) for name, text in RUNS.items()}


def results_of(path, text):
    lines = []
    for query in text.split():
        query_id, _, ids = query.partition(":")
        for rank, docid in enumerate(ids.split(","), start=1):
            lines.append(f"{query_id} Q0 {docid} {rank} {10 - rank} tag\n")
    path.write_text("".join(lines))
    return read_results(path, QRELS)


def test_results_of_a_run(results, tmp_path):
    assert results["one"]["q1"] == Result(("a", 9.0), {"a": (1, 9.0)})
    assert results["two"]["q2"] == Result(("c", 9.0), {"c": (1, 9.0), "b": (2, 8.0)})
    ranks = {name: [found[q].rank for q in QUERIES] for name, found in results.items()}
    assert ranks == {"one": [1, 2, None], "two": [2, 1, None], "three": [None, 4, 3]}
    assert results["three"]["q1"] == Result() and results["three"]["q1"].reciprocal_rank == 0
    (tmp_path / "graded").write_text("q Q0 a 1 9.0 tag\nq Q0 b 2 8.0 tag\n")
    graded = read_results(tmp_path / "graded", {"q": {"a": 0, "b": 1}})
    assert graded["q"] == Result(("a", 9.0), {"b": (2, 8.0)})
    (tmp_path / "bad").write_text("q1 Q0 a 1 9.0 tag\nq1 Q0 a one\n")
    with pytest.raises(EncoderError, match=r"bad, line 2: not a line of a TREC run"):
        read_results(tmp_path / "bad", QRELS)


def test_every_system_is_shown_where_it_is_best(results):
    # one:   q1 1 - (1/2 + 0)/2 = .75, q2 1/2 - (1 + 1/4)/2 < 0,  q3 0 - 1/6 < 0
    # two:   q1 1/2 - 1/2 = 0,         q2 1 - (1/2 + 1/4)/2 = .625
    # three: q1 < 0,                   q2 1/4 - 3/4 < 0,          q3 1/3
    expected = [Example("q1", "one"), Example("q2", "two"), Example("q3", "three")]
    assert choose(results, list(QUERIES)) == expected


def test_a_query_is_shown_once_and_the_first_of_equals_is_taken():
    def found(*ranks):
        return {
            q: Result(relevant={"x": (rank, 1.0)} if rank else {})
            for q, rank in zip(QUERIES, ranks, strict=True)
        }

    both = {"one": found(1, 1, 0), "two": found(1, 1, 0), "three": found(9, 9, 0)}
    assert choose(both, list(QUERIES)) == [Example("q1", "one"), Example("q2", "two")]
    same = {"one": found(0, 3, 1), "two": found(0, 3, 1)}
    assert choose(same, list(QUERIES)) == [Example("q2", None)]  # found, unlike q1
    misses = {"one": found(0, 0, 0)}
    assert choose(misses, list(QUERIES)) == [Example("q1", None)]


def test_text_of_an_example(results):
    impacts = Impacts(
        "two",
        {"q1": {"w": 2, "x": 10, "y": 3, "z": 5}},
        {"a": {"x": 4, "y": 7, "v": 9}, "b": {"x": 5, "z": 1}},
    )
    collection = Collection(DOCUMENTS, QUERIES, QRELS)
    # a: 10 × 4 + 3 × 7 = 61; b: 10 × 5 + 5 × 1 = 55, which is not the 9 of the run
    assert example_text(Example("q1", "one"), results, collection, impacts).splitlines() == [
        "Query q1: first",
        "Relevant: a title a – about a",
        "one does better than the others on average. Rank of the first relevant document:",
        "         rank  first relevant  ranked first instead",
        "  one       1  a title a",
        "  two       2  a title a       b title b",
        "  three     –  not found",
        "two matches a title a by (query weight × document weight):",
        "  x    10  ×  4  =  40",
        "  y     3  ×  7  =  21",
        "  sum               61",
        "  (Lucene's score is 8. A weight on a rounding edge may differ by one from that of the "
        "search, and sums above 16,777,216 are rounded.)",
        "two matches b title b by (query weight × document weight):",
        "  x    10  ×  5  =  50",
        "  z     5  ×  1  =   5",
        "  sum               55",
        "  (Lucene's score is 9. A weight on a rounding edge may differ by one from that of the "
        "search, and sums above 16,777,216 are rounded.)",
    ]
    nothing = Impacts("two", {"q1": {"x": 1}}, {"a": {"y": 1}})
    shown = example_text(Example("q1", "one"), results, collection, nothing)
    assert "two matches no term of a title a." in shown


def test_the_smaller_terms_are_summed_up(results):
    impacts = Impacts("one", {"q1": dict.fromkeys("abcdefgh", 1)}, {"a": {"h": 9, "a": 2}})
    impacts.documents["a"].update({term: 5 for term in "bcdefg"})
    shown = example_text(
        Example("q1", "one"), results, Collection(DOCUMENTS, QUERIES, QRELS), impacts
    )
    rows = [line.split() for line in shown.splitlines()[8:]]
    assert [row[0] for row in rows[:6]] == ["h", "b", "c", "d", "e", "f"]
    assert rows[6] == ["2", "more", "7"] and rows[7] == ["sum", "41"]
    assert shown.count(" matches ") == 1  # the relevant document is the first one


def test_matches_by_contribution():
    query, document = {"a": 3, "b": 2, "c": 9}, {"b": 6, "a": 4, "d": 7}
    assert matches(query, document) == [Match("a", 3, 4), Match("b", 2, 6)]


def test_queries_are_encoded_among_those_of_their_batch(monkeypatch):
    class Encoder(SparseEncoder):
        def __init__(self):
            self.batches = []

        def encode_queries(self, queries):
            self.batches.append(queries)
            return queries

        def impacts(self, vectors):
            return [{text: len(text)} for text in vectors]

    encoder = Encoder()
    monkeypatch.setattr(matches_module, "load_encoder", lambda name, paradigm: encoder)
    queries = {"1": "a", "2": "bb", "3": "c", "4": "d", "5": "eee"}
    found = matches_module.query_impacts("x", queries, {"2", "5"}, batch=2)
    assert found == {"2": {"bb": 2}, "5": {"eee": 3}}
    assert encoder.batches == [["a", "bb"], ["eee"]]


def test_impacts_of_some_documents(tmp_path):
    records = [
        {"id": "é 1", "contents": "d2", "vector": {"t": 1}},
        {"id": "d2", "contents": "", "vector": {"u": 2}},
    ]
    for number, record in enumerate(records):
        text = json.dumps(record, ensure_ascii=number == 0)
        (tmp_path / f"embeddings.{number:05d}.jsonl").write_text(text + "\n", encoding="utf-8")
    assert document_impacts(tmp_path, {"é 1", "none"}) == {"é 1": {"t": 1}}
    assert document_impacts(tmp_path, {"d2"}) == {"d2": {"u": 2}}
