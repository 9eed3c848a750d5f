"""Outputs appear whole or not at all."""

import json

import faiss
import numpy as np
import pytest

from llm_encoders import EncoderError
from pyserini_ext.encode.corpus import Document
from pyserini_ext.encode.writers import FaissWriter, JsonlWriter

DOCUMENTS = [Document(i, None, "t", f"contents {i}", "here") for i in ("a", "b")]
VECTORS = np.arange(8, dtype=np.float32).reshape(2, 4)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_jsonl(tmp_path):
    with JsonlWriter(str(tmp_path)) as writer:
        writer.write(DOCUMENTS, [{"Ġcat": 3}, {}])
        assert "embeddings.jsonl" not in names(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "embeddings.jsonl").open()]
    assert lines[0] == {"id": "a", "contents": "contents a", "vector": {"Ġcat": 3}}
    assert names(tmp_path) == ["embeddings.jsonl"]


def test_faiss(tmp_path):
    with FaissWriter(str(tmp_path), 4) as writer:
        writer.write(DOCUMENTS, VECTORS)
    index = faiss.read_index(str(tmp_path / "index"))
    assert index.metric_type == faiss.METRIC_INNER_PRODUCT
    np.testing.assert_array_equal(index.reconstruct_n(0, 2), VECTORS)
    assert (tmp_path / "docid").read_text() == "a\nb\n"
    assert names(tmp_path) == ["docid", "index"]


@pytest.mark.parametrize("kind", ["jsonl", "faiss"])
def test_failure_leaves_the_earlier_output(tmp_path, kind):
    def writer():
        return JsonlWriter(str(tmp_path)) if kind == "jsonl" else FaissWriter(str(tmp_path), 4)

    with writer() as first:
        first.write(DOCUMENTS, VECTORS)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(KeyboardInterrupt), writer() as second:
        second.write(DOCUMENTS[:1], VECTORS[:1])
        raise KeyboardInterrupt
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_full_disk_while_finishing(tmp_path, monkeypatch):
    def full(index, path):
        raise RuntimeError("No space left on device")

    monkeypatch.setattr(faiss, "write_index", full)
    with pytest.raises(EncoderError, match="No space left"), FaissWriter(str(tmp_path), 4) as w:
        w.write(DOCUMENTS, VECTORS)
    assert names(tmp_path) == []


def test_interruption_between_two_files_never_mixes_old_and_new(tmp_path, monkeypatch):
    import os

    with FaissWriter(str(tmp_path), 4) as writer:
        writer.write(DOCUMENTS, VECTORS)
    replace = os.replace

    def interrupted(source, target):
        replace(source, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), FaissWriter(str(tmp_path), 4) as writer:
        writer.write(DOCUMENTS[::-1], VECTORS)
    assert names(tmp_path) == ["docid"]  # without index it is no index


def test_two_runs_in_one_folder_are_refused(tmp_path):
    with JsonlWriter(str(tmp_path)) as writer:
        with pytest.raises(EncoderError, match="Another run is writing"):
            JsonlWriter(str(tmp_path))
        writer.write(DOCUMENTS, [{"a": 1}, {"b": 2}])
    assert names(tmp_path) == ["embeddings.jsonl"]
