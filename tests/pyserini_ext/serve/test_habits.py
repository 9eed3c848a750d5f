"""Requests as clients make them: half characters, unknown keys, ids with slashes."""

import json
from types import SimpleNamespace

import pytest

from llm_encoders.corpora import open_corpus
from llm_encoders.errors import UsageError
from pyserini_ext.encode.scan import scan_corpus


def test_half_a_character_is_refused_before_it_shares_a_batch():
    from pyserini_ext.serve.searching import _require_query

    _require_query("\U0001f600", 1)
    with pytest.raises(UsageError, match="half of a surrogate pair"):
        _require_query("wing \ud83d", 1)


@pytest.fixture
def client():
    from fastapi.testclient import TestClient

    adapter = pytest.importorskip("pyserini_ext.serve.pyserini_1")
    from pyserini_ext.serve.batch_route import add_batch_route
    from pyserini_ext.serve.searching import Served

    served = Served([], None)
    served.indexes["one"] = SimpleNamespace(encoder_name="tiny")
    served.raw = lambda docids: {docid: f"text of {docid}" for docid in docids}
    app, _ = adapter.rest_app(served, None)
    add_batch_route(app, adapter.batch_path(), lambda index, queries, hits: [])
    return TestClient(app)


@pytest.mark.parametrize("written", ["a/b.txt", "a%2Fb.txt"])
def test_an_id_may_hold_slashes(client, written):
    assert client.get(f"/v1/indexes/one/documents/{written}").json() == {
        "contents": "text of a/b.txt"
    }


def test_the_status_of_an_unknown_index(client):
    answer = client.get("/v1/indexes/other/status")
    assert answer.status_code == 404
    assert "No index 'other' is served here" in answer.json()["detail"]


def test_a_misspelt_key_of_a_batch_is_refused(client):
    path, queries = "/v1/indexes/one/batch_search", ["wing"]
    assert client.post(path, json={"queries": queries, "hits": 100}).status_code == 200
    answer = client.post(path, json={"queries": queries, "k": 100})
    assert answer.status_code == 422 and "'k'" in str(answer.json())


def test_texts_of_an_earlier_corpus_beside_an_index_without_record(tmp_path):
    from pyserini_ext.serve.found import FoundIndex
    from pyserini_ext.serve.texts import CORPUS_NAME, find_texts

    corpora = []
    for name in ("old", "new"):
        corpora.append(tmp_path / f"{name}.jsonl")
        corpora[-1].write_text(json.dumps({"id": "a", "text": f"{name} words"}))
    index = FoundIndex("i", tmp_path / "i", "faiss", None, {})
    texts = tmp_path / "i.texts"
    texts.mkdir()
    scan = scan_corpus(open_corpus(str(corpora[0])), 10, lambda fault: None)
    known = {"documents": 1, "content": scan.digest}
    (texts / CORPUS_NAME).write_text(json.dumps(known))
    assert find_texts([index], None, str(corpora[0]), 1) == texts
    with pytest.raises(UsageError, match=r"is there already, and not with the texts of .*new"):
        find_texts([index], None, str(corpora[1]), 1)
    assert find_texts([index], None, None, 1) == texts
