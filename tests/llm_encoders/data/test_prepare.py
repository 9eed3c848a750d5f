"""Preparation: damaged stores, faulty documents left out, headers, stores in other processes."""

import os
import pickle

import pytest
import torch

from llm_encoders.data.prepare import DataSources, prepare, prepare_passages
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.train.batches import Sampling, TrainingBatches
from tests.llm_encoders.conftest import write_lines


@pytest.mark.parametrize("name", ["queries.arrow", "passages.arrow", "passages.npy"])
def test_damaged_stores_are_made_anew(tmp_path, beir, scored, capsys, name):
    sources = DataSources(str(scored), str(beir / "corpus.jsonl"))
    before = prepare(sources, tmp_path / "data").queries.select(range(9))
    os.truncate(tmp_path / "data" / name, 100)
    data = prepare(sources, tmp_path / "data")
    assert data.queries.select(range(9)) == before
    assert "is damaged; it is prepared again" in capsys.readouterr().out
    (tmp_path / "data" / name).unlink()
    assert prepare(sources, tmp_path / "data").queries.select(range(9)) == before


@pytest.fixture
def with_faults(beir):
    """A collection with an empty document, a relevant one among its faults, and a repeated id."""
    lines = (beir / "corpus.jsonl").read_text().splitlines()
    faulty = ['{"_id": "rain", "text": ""}', '{"_id": "empty", "text": " "}', lines[0]]
    kept = [line for line in lines if '"rain"' not in line]
    (beir / "corpus.jsonl").write_text("\n".join([*kept, *faulty]) + "\n")
    return beir


def test_faulty_documents_stop_or_are_left_out(tmp_path, with_faults, capsys):
    with pytest.raises(EncoderError, match="corpus.jsonl, line 6: document 'rain' has an empty"):
        prepare(DataSources(str(with_faults)), tmp_path / "data")
    assert not (tmp_path / "data").exists()
    data = prepare(DataSources(str(with_faults), on_error="skip"), tmp_path / "data")
    assert len(data.passages) == 5
    assert "rain0" not in [one["id"] for one in data.queries.select(range(len(data.queries)))]
    assert len(data.queries) == 8
    listing = tmp_path / "data" / "skipped.txt"
    shown = capsys.readouterr().out
    assert f"faulty documents left out: 3, listed in {listing}" in shown
    lines = listing.read_text().splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == [
        "document 'rain' has an empty text.",
        "document 'empty' has an empty text.",
        "the id 'statins' was given before; ids must differ.",
        "passage 'rain' was left out.",
        "all of its positives were left out.",
    ]
    with pytest.raises(UsageError, match="on_error is 'ignore'; choose one of stop, skip"):
        prepare(DataSources(str(with_faults), on_error="ignore"), tmp_path / "other")


def test_what_names_a_faulty_document_by_id(tmp_path, with_faults):
    records = [
        {"query": "a", "docids": ["cats", "rain", "bread"], "scores": [3.0, 2, 1]},
        {"query": "b", "docids": ["rain", "cats"], "scores": [3.0, 2]},
    ]
    train = write_lines(tmp_path / "train.jsonl", records)
    sources = DataSources(str(train), str(with_faults / "corpus.jsonl"), on_error="skip")
    data = prepare(sources, tmp_path / "data")
    (one,) = data.queries.select(range(len(data.queries)))
    assert data.passages.ids(one["negatives"]) == ["bread"] and one["negative_scores"] == [1.0]
    write_lines(train, [{"query": "a", "docids": ["cats", "dogs"], "scores": [3.0, 2]}])
    with pytest.raises(EncoderError, match="line 1: passage 'dogs' is not in the corpus"):
        prepare(sources, tmp_path / "data")


@pytest.mark.parametrize("kind", ["positive", "negative"])
def test_empty_passages_of_a_record_are_faulty(tmp_path, kind, capsys):
    def carried(*texts):
        return [{"docid": f"d{text}", "title": " ", "text": text} for text in texts]

    passages = {"positive_passages": carried("a"), "negative_passages": carried("b")}
    passages[f"{kind}_passages"] += carried("\n")
    records = [{"query": "x", **passages}, {"query": "y", "passage": "c"}]
    train = write_lines(tmp_path / "train.jsonl", records)
    with pytest.raises(EncoderError, match=f"train.jsonl, line 1: a {kind} passage is empty"):
        prepare(DataSources(str(train)), tmp_path / "data")
    data = prepare(DataSources(str(train), on_error="skip"), tmp_path / "data")
    assert data.passages.texts(range(len(data.passages)))[0] == ["a", "b", "c"]
    assert f"a {kind} passage is empty" in (tmp_path / "data" / "skipped.txt").read_text()
    assert "left out: 1, listed in" in capsys.readouterr().out


def test_a_record_with_an_empty_positive_alone_is_left_out(tmp_path):
    records = [{"query": "x", "passage": ""}, {"query": "y", "passage": "c"}]
    train = write_lines(tmp_path / "train.jsonl", records)
    data = prepare(DataSources(str(train), on_error="skip"), tmp_path / "data")
    assert [one["query"] for one in data.queries.select(range(len(data.queries)))] == ["y"]


def test_passages_alone(tmp_path, with_faults):
    with pytest.raises(EncoderError, match="line 6: document 'rain' has an empty"):
        prepare_passages(str(with_faults), tmp_path / "data")
    assert len(prepare_passages(str(with_faults), tmp_path / "data", "skip")) == 5


def test_tsv_header_and_columns(tmp_path, capsys):
    train = tmp_path / "train.tsv"
    train.write_text("\ufeffquery\tpositive\tnegative_1\na\tcats\tdogs\nb\train\tsnow\n")
    data = prepare(DataSources(str(train)), tmp_path / "data")
    assert [one["query"] for one in data.queries.select(range(len(data.queries)))] == ["a", "b"]
    assert "train.tsv, line 1: a header, which is left out" in capsys.readouterr().out
    train.write_text("query\tnegative\tpositive\na\tdogs\tcats\n")
    with pytest.raises(EncoderError, match="line 1: a header .* the query first"):
        prepare(DataSources(str(train)), tmp_path / "data")
    train.write_text("a\tcats\tdogs\nb\tra\tin\tsnow\n")
    with pytest.raises(EncoderError, match="line 2: 4 tab-separated columns where .* has 3"):
        prepare(DataSources(str(train)), tmp_path / "data")


def test_batches_in_another_process(tmp_path, beir, scored):
    data = prepare(DataSources(str(scored), str(beir / "corpus.jsonl")), tmp_path / "data")
    batches = TrainingBatches(data, Sampling(4, 3, 1), 20, _tokenize, _tokenize)
    _ = batches[0]
    other = pickle.loads(pickle.dumps(batches))
    for step in (0, 7, 19):
        one, two = batches[step], other[step]
        assert (one.queries, one.passages) == (two.queries, two.passages)
        assert torch.equal(one.candidates.groups, two.candidates.groups)
        assert torch.equal(one.candidates.excluded, two.candidates.excluded)
    assert len(pickle.dumps(batches)) < 5_000  # paths, not the data


def _tokenize(texts, titles=None):
    return [[len(text)] * 3 for text in texts]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"query": "q\xff", "passage": "p"}\n', "not valid UTF-8"),
        (b"[" * 200_000 + b"\n", "JSON nested too deeply"),
        (b'{"query": ' + b"1" * 5_000 + b"}\n", "a number of thousands of digits"),
        (b'{"query": "q", "positive_passages": null}\n', "positive_passages .* must be lists"),
    ],
)
def test_unreadable_training_data(tmp_path, content, message):
    train = tmp_path / "train.jsonl"
    train.write_bytes(b'{"query": "q", "passage": "p"}\n' + content)
    with pytest.raises(EncoderError, match=f"train.jsonl, line 2: .*{message}"):
        prepare(DataSources(str(train)), tmp_path / "data")
    assert not (tmp_path / "data").exists() and not (tmp_path / "data.tmp").exists()
