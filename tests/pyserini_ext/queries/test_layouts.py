"""Files of encoded queries, read back by Pyserini's and Anserini's own readers."""

import json
from pathlib import Path

import numpy as np
import pytest

from llm_encoders.errors import UsageError
from pyserini_ext.queries.layouts import dense_queries, require_layout, sparse_queries

IDS = ["q1", "q/é"]
IMPACTS = [{"Ġcat": 2, "▁dog": 1, '"': 3}, {}]
VECTORS = np.array([[0.1, -1e-9, 3.0], [1 / 3, 0.0, 2.0**-30]], dtype=np.float32)


@pytest.fixture(scope="module")
def readers():
    """Anserini's readers of topics: ``readers(name, path)`` -> {id: {field: text}}."""
    from pyserini.search import get_topics_with_reader

    return lambda name, path: get_topics_with_reader(
        f"io.anserini.search.topicreader.{name}TopicReader", str(path)
    )


def counted(text: str) -> dict[str, int]:
    from pyserini.encode import QueryEncoder  # noqa: F401 (the package before its module)
    from pyserini.encode._tok_freq import TokFreqQueryEncoder

    return TokFreqQueryEncoder().encode(text)


@pytest.mark.parametrize(("suffix", "reader"), [("jsonl", "JsonString"), ("tsv", "TsvString")])
def test_sparse_queries_are_read_as_they_were(tmp_path, readers, suffix, reader):
    path = tmp_path / f"queries.{suffix}"
    path.write_bytes(sparse_queries(path, IDS, IMPACTS))
    topics = readers(reader, path)
    found = {name: counted(topic["title"]) for name, topic in topics.items()}
    wanted = dict(zip(IDS, IMPACTS, strict=True))
    if suffix == "tsv":  # which cannot hold a query without terms
        del wanted[IDS[1]]
    assert found == wanted


def test_sparse_queries_as_json():
    content = json.loads(sparse_queries(Path("q.json"), IDS, IMPACTS))
    assert {name: counted(topic["title"]) for name, topic in content.items()} == dict(
        zip(IDS, IMPACTS, strict=True)
    )


def test_dense_queries_for_anserini_keep_every_bit(tmp_path, readers):
    path = tmp_path / "queries.jsonl"
    path.write_bytes(dense_queries(path, IDS, ["a", "b"], VECTORS))
    topics = readers("JsonStringVector", path)
    found = np.array([json.loads(topics[name]["vector"]) for name in IDS], dtype=np.float32)
    np.testing.assert_array_equal(found, VECTORS)
    rows = dense_queries(Path("q.tsv"), IDS, ["a", "b"], VECTORS).decode().splitlines()
    names, numbers = zip(*(row.split("\t") for row in rows), strict=True)
    assert list(names) == IDS
    found = np.array([row.split(" ") for row in numbers]).astype(np.float32)
    np.testing.assert_array_equal(found, VECTORS)


def test_dense_queries_for_pyserini(tmp_path):
    from pyserini.encode import QueryEncoder

    path = tmp_path / "embedding.pkl"
    path.write_bytes(dense_queries(path, IDS, ["a text", "b"], VECTORS))
    np.testing.assert_array_equal(QueryEncoder(str(tmp_path)).encode("a text"), VECTORS[0])


def test_ids_that_pyserini_would_change_are_refused():
    with pytest.raises(UsageError, match="would read the id '007' as 7 in a TSV"):
        sparse_queries(Path("q.tsv"), ["007", "8"], IMPACTS)
    assert sparse_queries(Path("q.tsv"), ["007", "x"], IMPACTS).startswith(b"007\t")
    assert b'"007"' in sparse_queries(Path("q.jsonl"), ["007", "8"], IMPACTS)


@pytest.mark.parametrize(
    ("name", "paradigm", "message"),
    [("q.pkl", "sparse", "written as .tsv, .json or .jsonl"), ("q.json", "dense", "embedding.pkl")],
)
def test_suffixes_that_do_not_suit(name, paradigm, message):
    with pytest.raises(UsageError, match=message):
        require_layout(Path(name), paradigm)
