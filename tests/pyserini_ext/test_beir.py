"""BEIR folders as the files that Pyserini and trec_eval read."""

import json

import pytest

from pyserini_ext.beir import main
from tests.pyserini_ext.regress.conftest import WORDS, make_beir


@pytest.fixture
def collection(tmp_path):
    return make_beir(tmp_path / "beir")


def test_files_are_written_once(collection, tmp_path, capsys):
    output = tmp_path / "out"
    words = ["--collection", str(collection), "--output", str(output)]
    assert main(words) == 0
    lines = (output / "corpus" / "corpus.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    assert len(lines) == 50 and first["contents"] == f"{first['title']}\n{first['text']}"
    topics = json.loads((output / "topics.json").read_text())
    assert topics == {f"q{i}": {"title": word} for i, word in enumerate(WORDS)}
    rows = (collection / "qrels" / "test.tsv").read_text().splitlines()[1:]
    columns = [row.split() for row in (output / "qrels.txt").read_text().splitlines()]
    assert sorted("\t".join((q, d, grade)) for q, _, d, grade in columns) == sorted(rows)
    times = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    assert main(words) == 0
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == times
    (output / "topics.json").write_text("{}")
    assert main(words) == 2
    assert "topics.json exists already and holds something else" in capsys.readouterr().err
    assert (output / "topics.json").read_text() == "{}"


def test_topics_alone(collection, tmp_path):
    output = tmp_path / "out"
    (collection / "corpus.jsonl").write_text("not read\n")
    words = ["--collection", str(collection), "--output", str(output)]
    assert main([*words, "--topics-only"]) == 0
    assert sorted(path.name for path in output.iterdir()) == ["qrels.txt", "topics.json"]
    other = ["--collection", str(collection), "--output", str(tmp_path / "other")]
    assert main(other) == 1 and not (tmp_path / "other").exists()
    assert main([*words, "--split", "dev"]) == 2
    assert main(["--collection", str(collection), "--output", str(collection / "x")]) == 2
