"""What is known of vectors after Pyserini's own index commands."""

import json
import sys

import pytest

from pyserini_ext.bridge.index_commands import carry, carry_merged
from pyserini_ext.folders.contract import CONTRACT_NAME

RECORD = {"name": "mine", "contract": {"paradigm": "dense"}}


@pytest.fixture
def index(tmp_path):
    """A function that makes a folder of an index, with a record if one is given."""

    def make(name, record=None):
        folder = tmp_path / name
        folder.mkdir()
        if record is not None:
            (folder / CONTRACT_NAME).write_text(json.dumps(record))
        return folder

    return make


def recorded(folder):
    path = folder / CONTRACT_NAME
    return json.loads(path.read_text()) if path.exists() else None


@pytest.mark.parametrize("words", [("--input", "--index"), ("-input", "-index"), ("--input=",)])
def test_from_a_flat_index_to_another(index, monkeypatch, words):
    flat, other = index("flat", RECORD), index("hnsw", {"name": "what stood there"})
    given = ["-m", words[0], str(flat), words[-1], str(other)]
    if words == ("--input=",):
        given = ["-m", f"--input={flat}", f"--output={other}"]
    monkeypatch.setattr(sys, "argv", given)
    carry()
    assert recorded(other) == RECORD


def test_documents_that_are_added_leave_the_record(index, monkeypatch):
    flat, other = index("flat"), index("other", RECORD)
    monkeypatch.setattr(sys, "argv", ["-m", "--input", str(flat), "--index", str(other), "-append"])
    carry()
    assert recorded(other) == RECORD
    sys.argv.pop()
    carry()
    assert recorded(other) is None
    monkeypatch.setattr(sys, "argv", ["-m", "--help"])
    carry()
    carry_merged()


def test_shards(index, monkeypatch, capsys):
    index("shard0", RECORD)
    second, merged = index("shard1", RECORD), index("shardfull")
    words = ["-m", "--prefix", str(merged)[: -len("full")], "--shard-num", "2"]
    monkeypatch.setattr(sys, "argv", words)
    carry_merged()
    assert recorded(merged) == RECORD and not capsys.readouterr().err
    (second / CONTRACT_NAME).write_text(json.dumps(RECORD | {"weights": "others"}))
    carry_merged()
    assert recorded(merged) is None
    assert "were not all made by the same encoder" in capsys.readouterr().err
