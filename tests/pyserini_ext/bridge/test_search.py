"""Preparing Pyserini's searcher: ours only, and never against the user's wish."""

from types import SimpleNamespace

import pytest


@pytest.fixture
def search():
    from pyserini_ext.bridge import search

    return search


def searcher(encoder, min_idf):
    return SimpleNamespace(query_encoder=encoder, min_idf=min_idf)


@pytest.mark.parametrize(("given", "expected"), [(0, -1), (1, 1), (3, 3)])
def test_terms_of_every_document_count_unless_min_idf_is_given(search, stories, given, expected):
    from pyserini_ext.bridge.encoders import LlmSpladeQueryEncoder

    prepared = searcher(LlmSpladeQueryEncoder(f"{stories},like=lion"), given)
    search.prepare(prepared)
    assert prepared.min_idf == expected


def test_min_idf_of_other_encoders_is_left_alone(search):
    other = searcher(object(), 0)
    search.prepare(other)
    assert other.min_idf == 0
