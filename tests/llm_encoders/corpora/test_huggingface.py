"""Datasets: saved folders, Parquet files, and names of the Hub, which are not opened here."""

import datasets
import pytest

from llm_encoders import EncoderError, UsageError
from llm_encoders.corpora import Position, open_corpus

ROWS = {"docid": ["a", "b", "c"], "title": ["T", "", None], "text": ["x", "y", ""]}


def read(corpus, *start):
    faults = []
    found = [(d.id, d.title, d.text) for _, d in corpus.documents(faults.append, *start)]
    return found, [str(fault) for fault in faults]


@pytest.fixture(params=["saved", "saved in splits", "parquet", "parquet folder"])
def dataset(request, tmp_path):
    path = tmp_path / "data"
    data = datasets.Dataset.from_dict(ROWS)
    if request.param == "saved":
        data.save_to_disk(path)
    elif request.param == "saved in splits":
        datasets.DatasetDict({"train": data, "test": data.select([0])}).save_to_disk(path)
    elif request.param == "parquet":
        path = tmp_path / "data.parquet"
        data.to_parquet(path)
    else:
        path.mkdir()
        data.to_parquet(path / "0.parquet")
    return str(path)


def test_rows_as_documents(dataset):
    corpus = open_corpus(dataset)
    documents, faults = read(corpus)
    assert documents == [("a", "T", "x"), ("b", None, "y")]
    assert faults == [f"{dataset}, row 3: document 'c' has an empty text."]
    assert read(corpus, Position(0, 2))[0] == documents[1:]
    assert read(corpus)[0] == documents  # a stream can be read again
    assert corpus.fingerprint()


def test_splits_without_train_must_be_chosen(tmp_path):
    data = datasets.Dataset.from_dict(ROWS)
    datasets.DatasetDict({"a": data, "b": data}).save_to_disk(tmp_path / "d")
    with pytest.raises(UsageError, match="splits a, b"):
        open_corpus(str(tmp_path / "d"))


def test_hub_dataset_that_cannot_be_had():
    """Offline, the error names the dataset."""
    with pytest.raises(EncoderError, match="Cannot open hf:no/such,split=train"):
        open_corpus("hf:no/such,split=train")


def test_malformed_name():
    with pytest.raises(UsageError, match="write hf:ORGANISATION/NAME"):
        open_corpus("hf:justaname")
