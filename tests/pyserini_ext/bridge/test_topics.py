"""Faulty topics with one of our encoders: file and line; with others they end as ever."""

import gzip
import json
import subprocess
import sys

import pytest

from llm_encoders import EncoderError
from pyserini_ext.bridge import faults


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read topics as Pyserini's commands do, with an encoder of ours or without; by id."""

    def read(name, content, ours=True):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.setattr(faults, "in_our_command", lambda: ours)
        from pyserini.query_iterator import DefaultQueryIterator

        topics = DefaultQueryIterator.from_topics(str(path)).topics
        return {name: topic.get("title") for name, topic in topics.items()}

    return read


TWO = {1: "the cat", 2: "a bird"}
NAMED = {"q1": "the cat", "q2": "a bird"}


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("t.tsv", "1\tthe cat\n2\ta bird\n", TWO),
        ("t.txt", "1\tthe cat\r\n2\t a bird ", TWO),
        ("t.tsv.gz", gzip.compress(b"1\tthe cat\n2\ta bird\n", mtime=0), TWO),
        ("t.tsv", "q1\tthe cat\nq2\ta bird\n", NAMED),
        ("beir-t.csv", "q1\tthe cat\nq2\ta bird\n", NAMED),
        ("t.json", json.dumps({"q1": {"title": "the cat"}, "q2": {"title": "a bird"}}), NAMED),
        ("t.json", json.dumps({"007": {"title": "the cat"}}), {"007": "the cat"}),
        ("t.jsonl", '{"id": "q1", "title": "the cat"}\n{"qid": "q2", "title": "a bird"}\n', NAMED),
    ],
)
def test_good_topics_are_read_as_ever(read, name, content, expected):
    assert read(name, content) == expected == read(name, content, ours=False)


FAULTS = [
    ("t.tsv", b"\xef\xbb\xbf1\tthe cat\n", "t.tsv, line 1: a byte-order mark"),
    ("t.tsv", b"\xef\xbb\xbfq1\tthe cat\n", "t.tsv, line 1: a byte-order mark"),
    ("t.tsv", "1\tthe cat\n2\t\n", "t.tsv, line 2: expected an id, a tab and a query. Topics are"),
    ("t.tsv", "1\tthe cat\n\n2\ta bird\n", "t.tsv, line 2: expected an id, a tab"),
    ("t.tsv", "1\tthe cat\n2 a bird\n", "t.tsv, line 2: expected an id, a tab"),
    ("t.tsv.gz", gzip.compress(b"1\tthe cat\n2\t\n", mtime=0), "t.tsv.gz, line 2: expected an id"),
    ("t.tsv.gz", b"1\tthe cat\n", "no whole gzip file"),
    ("t.tsv", b"1\tcaf\xe9\n", "t.tsv is not UTF-8"),
    ("t.jsonl", '{"id": "a", "title": "x"}\n{"id": 3\n', "line 2: expected a JSON object"),
    ("t.jsonl", '{"title": "x"}\n', "line 1: expected 'id' or 'qid'"),
    ("t.jsonl", '{"id": "a", "query": "x"}\n', "line 1: expected 'title'"),
    ("queries.jsonl", '{"_id": "a", "text": "x"}\n', "holds queries as BEIR has them"),
    ("beir/q.jsonl", '{"_id": "a", "text": "x"}\n', "holds queries as BEIR has them"),
    ("t.json", b'\xef\xbb\xbf{"a": {"title": "x"}}', "t.json, line 1: a byte-order mark"),
    ("t.json", '{"a": {"title": "x"}', r"is not valid JSON \(.*\). Topics are"),
    ("t.json", '[{"title": "x"}]', "holds no JSON object of topics"),
    ("t.json", '{"a": {"title": "x"}, "b": {"text": "y"}}', "the topic 'b' has no query"),
    ("t.csv", "1,the cat\n", "cannot read the topics .*t.csv.*Topics are a file .tsv"),
    ("none.tsv", None, "There is no file .*none.tsv"),
    ("cacm/t.tsv", "1\tthe cat\n", "'cacm' is in its name"),
]


@pytest.mark.parametrize(("name", "content", "message"), FAULTS)
def test_faults_are_named(read, name, content, message):
    with pytest.raises(EncoderError, match=message) as caught:
        read(name, content)
    assert "\n" not in str(caught.value)
    try:
        got = read(name, content, ours=False)
    except EncoderError:
        raise
    except Exception:
        return
    assert name == "t.jsonl" or None in got.values() or "�" in "".join(got.values())


SILENT = [
    ("007\tthe cat\n", {7: "the cat"}, "line 1: Pyserini would take the id '007' for 7"),
    ("1\ta\n2\tb\n1\tc\n", {1: "c", 2: "b"}, "line 3: the id '1' was given before, in line 1"),
    ("1\tthe\tcat\n", {1: "the"}, "line 1: 3 columns"),
    ("q\t\tthe cat\n", {"q": ""}, "line 1: 3 columns"),
    ("a b\tthe cat\n", {"a b": "the cat"}, "line 1: id 'a b' holds whitespace"),
]


@pytest.mark.parametrize(("content", "wrong", "message"), SILENT)
def test_what_pyserini_reads_as_something_else(read, content, wrong, message):
    assert read("t.tsv", content, ours=False) == wrong
    with pytest.raises(EncoderError, match=message):
        read("t.tsv", content)


def test_repeated_ids_in_json(read):
    content = '{"a": {"title": "x"}, "a": {"title": "y"}}'
    assert read("t.json", content, ours=False) == {"a": "y"}
    with pytest.raises(EncoderError, match="'a' is given twice"):
        read("t.json", content)


def test_topics_of_beir_queries(read, tmp_path):
    """The command in the message makes topics of them."""
    queries = {"007": "it's the\tcat", "PLAIN-2": 'a "bird"'}
    lines = [json.dumps({"_id": name, "text": text}) for name, text in queries.items()]
    with pytest.raises(EncoderError) as caught:
        read("queries.jsonl", "\n".join(lines))
    command = str(caught.value).partition("of them: python ")[2]
    subprocess.run(f"{sys.executable} {command}", shell=True, check=True, cwd=tmp_path)
    assert read("topics.json", None) == queries


def test_names_of_pyserinis_own_topics(monkeypatch):
    """They are fetched by name, from the network where need be; nothing else is asked of them."""
    from pyserini import query_iterator

    own = {1: {"title": "the cat"}, 2: {"narrative": "a bird"}}
    monkeypatch.setattr(faults, "in_our_command", lambda: True)
    monkeypatch.setattr(query_iterator, "get_topics", lambda name: {"robust": own}[name])
    assert query_iterator.DefaultQueryIterator.from_topics("robust").topics == own
    with pytest.raises(EncoderError, match=r"cannot get its topics other \('other'\)\.$"):
        query_iterator.DefaultQueryIterator.from_topics("other")
