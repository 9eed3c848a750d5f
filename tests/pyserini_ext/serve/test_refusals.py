"""What cannot be served is refused in a sentence, before anything long is done."""

import argparse
import importlib.util
import json
import socket
from pathlib import Path

import pytest

from llm_encoders.errors import EncoderError
from pyserini_ext.bridge import encoders
from pyserini_ext.folders.manifest import Manifest
from pyserini_ext.folders.state import manifest_path
from pyserini_ext.serve import command, searching
from pyserini_ext.serve.command import main
from pyserini_ext.serve.config import write_config
from pyserini_ext.serve.found import FoundIndex, find_indexes
from tests.pyserini_ext.served import DENSE, SPARSE


@pytest.fixture
def serve(capsys, monkeypatch):
    """Runs the command, which must not come to serving: that would never end."""

    def served(*_):
        raise AssertionError("it serves")

    def serve(*words, code):
        assert main([*map(str, words), "--port", "0"]) == code
        return capsys.readouterr().err

    monkeypatch.setattr(command, "serve_http", served)
    return serve


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "It is empty. Expected a Lucene impact index"),
        (["embeddings.0.jsonl"], "It holds JSONL. If these are vectors, index them"),
        (["nodes", "_state"], "It holds _state, nodes. Expected a Lucene impact index"),
        (["index", "docid"], "does not say which encoder made it. Name it with --encoder"),
        (["segments_1"], "does not say which encoder made it. Name it with --encoder"),
    ],
)
def test_folders_that_are_no_index_of_ours(serve, tmp_path, files, message):
    folder = tmp_path / "index"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("x")
    known = "--encoder" in message
    assert message in serve("--index", folder, "--no-texts", code=2 if known else 1)


def test_an_index_that_is_not_finished(tmp_path):
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / "segments_1").write_text("x")
    manifest = Manifest(folder, {"corpus": {"documents": 3}})
    manifest_path(folder).parent.mkdir()
    manifest.save()
    with pytest.raises(EncoderError, match="is the output of a command that is not finished"):
        find_indexes([folder], None)
    manifest.complete = True
    manifest.save()
    (found,) = find_indexes([folder], None)
    assert (found.name, found.kind, found.corpus) == ("index", "impact", {"documents": 3})


def test_an_encoder_of_several_indexes_is_loaded_once(monkeypatch):
    loaded = []
    for kind in ("LlmSpladeQueryEncoder", "LlmDenseQueryEncoder"):
        monkeypatch.setattr(encoders, kind, lambda name, kind=kind: loaded.append((kind, name)))
    monkeypatch.setattr(searching, "ServedIndex", lambda index, *_: index.name)
    monkeypatch.setattr(searching, "Served", lambda indexes, texts: indexes)
    kinds = {"a": "impact", "b": "impact", "c": "faiss", "d": "faiss"}
    indexes = [FoundIndex(name, Path(name), kind, None, {}) for name, kind in kinds.items()]
    options = argparse.Namespace(batch_size=1, threads=1)
    assert command._load(indexes, ["x", "x", "y", "z"], None, options) == list(kinds)
    assert loaded == [
        ("LlmSpladeQueryEncoder", "x"),
        ("LlmDenseQueryEncoder", "y"),
        ("LlmDenseQueryEncoder", "z"),
    ]


def test_names(serve, made, tmp_path):
    served = ("--index", made.sparse, made.sparse, "--no-texts")
    assert "Two indexes would be served by the name 'sparse'" in serve(*served, code=2)
    assert "--name gives 1 names for 2 indexes" in serve(*served, "--name", "a", code=2)
    assert "'a b' cannot be the name" in serve(*served, "--name", "a b", "c", code=2)
    special = serve(*served, "--name", "msmarco-shard0", "c", code=2)
    assert "with 'shard' in its name in a way of its own" in special
    encoders = ("--name", "a", "b", "--encoder", SPARSE, SPARSE, SPARSE)
    assert "--encoder gives 3 encoders for 2 indexes" in serve(*served, *encoders, code=2)


def test_a_port_in_use(made, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        words = ("--index", made.dense, "--no-texts", "--port", port)
        assert main([str(word) for word in words]) == 2
    assert f"Port {port} is in use on 127.0.0.1" in capsys.readouterr().err


def test_a_missing_package(serve, made, monkeypatch):
    find = importlib.util.find_spec
    absent = lambda name, *rest: None if name == "uvicorn" else find(name, *rest)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", absent)
    assert "pip install uvicorn" in serve("--index", made.dense, "--no-texts", code=1)


def test_a_wrong_encoder(serve, made, tmp_path):
    """By its paradigm, by its contract, and where nothing is recorded by the terms of the index."""
    texts = ("--no-texts",)
    wrong = serve("--index", made.sparse, *texts, "--encoder", DENSE, code=2)
    assert f"{DENSE} is a dense encoder and has no impacts" in wrong
    other = f"{SPARSE},attention=causal"
    wrong = serve("--index", made.sparse, *texts, "--encoder", other, code=2)
    assert "attention is 'bidirectional' in the index and 'causal' in the encoder" in wrong
    words = tmp_path / "words"
    write_words(words)
    wrong = serve("--index", words, *texts, "--encoder", SPARSE, code=2)
    assert f"has 1 of 2 terms that {SPARSE} never gives, such as 'zyzzyva…'" in wrong


@pytest.mark.parametrize("name", ["me/not-fetched", "gone/away/folder", "llm-splade-8b"])
def test_the_recorded_encoder_is_not_fetched_unasked(serve, tmp_path, name):
    (tmp_path / "segments_1").write_text("x")
    (tmp_path / "contract.json").write_text(json.dumps({"name": name}))
    refused = serve("--index", tmp_path, "--no-texts", code=2)
    assert f"was made by {name}, which is not on this machine" in refused


def write_words(folder):
    """A Lucene index of another program, with a term that no encoder has."""
    from pyserini_ext.indexes.lucene import DELIMITER, LuceneImpactWriter

    with LuceneImpactWriter(folder) as writer:
        writer.add_words([("a", f"zyzzyva…{DELIMITER}1 the{DELIMITER}2")])
        writer.commit({})


def test_texts_that_are_absent_or_of_another_corpus(serve, made, tmp_path):
    absent = serve("--index", made.dense, code=2)
    assert "Name the corpus with --corpus" in absent and "--no-texts" in absent
    (tmp_path / "other.jsonl").write_text(json.dumps({"id": "a", "text": "one"}))
    words = ("--index", made.dense, "--texts", tmp_path / "texts")
    other = serve(*words, "--corpus", tmp_path / "other.jsonl", code=2)
    assert "other.jsonl has 1 documents;" in other and "was made from 5" in other
    assert [path.name for path in tmp_path.iterdir()] == ["other.jsonl"]
    assert "There is no folder" in serve(*words, code=2)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "corpus.json").write_text(json.dumps({"documents": 5, "content": "x"}))
    assert "has other texts;" in serve(*words, code=2)
    assert "holds no finished Lucene index" in serve(
        "--index", made.dense, "--texts", made.dense, code=1
    )
    assert "exclude each other" in serve(
        "--index", made.dense, "--no-texts", "--corpus", made.corpus, code=2
    )


def test_a_server_yaml_of_the_users_is_kept(tmp_path):
    path = tmp_path / "server.yaml"
    write_config(path, {"indexes": {}})
    write_config(path, {"indexes": {}})
    path.write_text("api_keys: [secret]\n")
    with pytest.raises(Exception, match="exists already, with other content"):
        write_config(path, {"indexes": {}})
    assert path.read_text() == "api_keys: [secret]\n"
