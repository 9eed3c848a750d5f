"""Requests of many threads: who shares a batch, and who is to blame for an error."""

import threading

import pytest

from llm_encoders.errors import EncoderError
from pyserini_ext.serve.batching import GATE, Batching


def ask_together(batching, asked):
    """Results or errors of requests that all wait before the first is answered."""
    results = {}

    def ask(query, hits):
        try:
            results[query] = batching(query, hits)
        except Exception as error:
            results[query] = error

    threads = [threading.Thread(target=ask, args=pair) for pair in asked]
    with GATE:
        for thread in threads:
            thread.start()
        while len(batching._waiting) < len(asked):
            threading.Event().wait(0.001)
    for thread in threads:
        thread.join(30)
    return results


def test_those_that_wait_share_batches_of_one_number_of_hits():
    batches = []

    def answer(queries, hits):
        batches.append((sorted(queries), hits))
        return [f"{query}:{hits}" for query in queries]

    asked = [("a", 1), ("b", 2), ("c", 1), ("d", 1), ("e", 1)]
    results = ask_together(Batching(answer, 3), asked)
    assert results == {query: f"{query}:{hits}" for query, hits in asked}
    assert sorted(len(queries) for queries, _ in batches) == [1, 1, 3]
    assert ["b"] in [queries for queries, hits in batches if hits == 2]


def test_a_faulty_query_fails_alone():
    def answer(queries, hits):
        if "bad" in queries:
            raise EncoderError("not finite")
        return queries

    results = ask_together(Batching(answer, 8), [("a", 1), ("bad", 1), ("c", 1)])
    assert results["a"] == "a" and results["c"] == "c"
    assert isinstance(results["bad"], EncoderError)


def test_an_unexpected_error_reaches_everybody():
    def answer(queries, hits):
        raise ZeroDivisionError

    results = ask_together(Batching(answer, 8), [("a", 1), ("b", 1)])
    assert all(isinstance(error, ZeroDivisionError) for error in results.values())
    with pytest.raises(ZeroDivisionError):
        Batching(answer, 1)("a", 1)
