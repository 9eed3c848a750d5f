"""Encoded queries in the place of words, and topics other than those that were encoded."""

import json

import numpy as np
import pytest

from llm_encoders.errors import EncoderError, UsageError
from pyserini_ext.bridge import dispatch, topics
from pyserini_ext.queries.record import EMBEDDINGS, record_path, write_queries


@pytest.fixture
def encoded(tmp_path):
    path = tmp_path / "queries.tsv"
    write_queries(path, b"1\twing wing flow\n", {"name": "llm-splade-tiny"}, {})
    return path


def test_encoded_queries_are_not_encoded_again(encoded, monkeypatch):
    topics.check_file(str(encoded))
    monkeypatch.setattr(topics, "option_values", lambda name: ["llm-splade-tiny"])
    with pytest.raises(UsageError, match="holds encoded queries, whose terms .* for words"):
        topics.check_file(str(encoded))
    record_path(encoded).unlink()
    topics.check_file(str(encoded))


@pytest.mark.parametrize("ours", [True, False])
def test_a_query_that_was_not_encoded(tmp_path, ours):
    class Stock:
        def __init__(self, encoded_query_dir=None):
            self.embedding = {"wing": np.ones(2)}

        def encode(self, query):
            return self.embedding[query]

    if ours:
        record_path(tmp_path / EMBEDDINGS).write_text(json.dumps({}))
    Stock.__init__ = dispatch.note_encoded_queries(Stock.__init__)
    encoder = Stock(str(tmp_path))
    assert encoder.encode("wing").tolist() == [1, 1]
    error, message = (EncoderError, "no vector of the query 'cone'") if ours else (KeyError, "cone")
    with pytest.raises(error, match=message):
        encoder.encode("cone")
