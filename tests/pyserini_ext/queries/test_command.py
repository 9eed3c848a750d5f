"""Queries encoded by one command and searched by another, against a search with the encoder."""

import json

import pytest

from llm_encoders.encoding.sparse_encoder import SparseEncoder
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs import resumable_batches
from pyserini_ext.queries.command import main
from pyserini_ext.queries.record import read_query_record, require_impact
from tests.pyserini_ext.served import DENSE, QUERIES, SPARSE

pytestmark = pytest.mark.slow  # six commands of Pyserini's


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("queries")
    lines = [f"{number}\t{query}" for number, query in enumerate(QUERIES, start=1)]
    (folder / "topics.tsv").write_text("\n".join(lines))
    return folder


def encode(work, encoder, output, *words, code=0):
    """Through Pyserini's name of the command only where a test says so: its start takes seconds."""
    words = ("--topics", work / "topics.tsv", "--encoder", encoder, "--output", output, *words)
    assert main([str(word) for word in words]) == code


def search(warm_python, kind, index, output, *words, code=0):
    command = ("-m", f"pyserini.search.{kind}", "--index", index, "--output", output)
    return warm_python(*command, *words, "--batch-size", 64, "--threads", 2, code=code)


def changed(index, folder, old, new):
    """The index under another contract."""
    folder.mkdir()
    for path in index.iterdir():
        (folder / path.name).symlink_to(path)
    text = (index / "contract.json").read_text()
    assert old in text
    (folder / "contract.json").unlink()
    (folder / "contract.json").write_text(text.replace(old, new))
    return folder


def test_sparse(warm_python, work, made):
    queries = work / "queries.tsv"
    words = ("--topics", work / "topics.tsv", "--encoder", SPARSE, "--output", queries)
    warm_python("-m", "pyserini.encode.query", *words)
    live = ("--impact", "--topics", work / "topics.tsv", "--encoder", SPARSE)
    search(warm_python, "lucene", made.sparse, work / "live", *live)
    search(warm_python, "lucene", made.sparse, work / "encoded", "--impact", "--topics", queries)
    assert (work / "live").read_bytes() == (work / "encoded").read_bytes() != b""
    other = changed(made.sparse, work / "other", '"bidirectional"', '"causal"')
    words = ("--impact", "--topics", queries)
    refused = search(warm_python, "lucene", other, work / "x", *words, code=2)
    assert "attention is 'causal' in the index and 'bidirectional' in the enc" in refused.stderr
    assert not (work / "x").exists()


def test_encoded_queries_are_no_words_and_not_to_be_edited(work):
    queries = work / "edited.tsv"
    encode(work, SPARSE, queries)
    with pytest.raises(UsageError, match="without --impact the search would be BM25"):
        require_impact(queries)
    queries.write_text("1\tcat")
    with pytest.raises(EncoderError, match="was changed after it was encoded"):
        read_query_record(queries)
    assert read_query_record(work / "topics.tsv") is None


def test_dense(warm_python, work, made):
    encode(work, DENSE, work / "folder" / "embedding.pkl")
    topics = ("--topics", work / "topics.tsv")
    search(warm_python, "faiss", made.dense, work / "live", *topics, "--encoder", DENSE)
    words = (*topics, "--encoded-queries", work / "folder")
    search(warm_python, "faiss", made.dense, work / "encoded", *words)
    assert (work / "live").read_bytes() == (work / "encoded").read_bytes() != b""
    other = changed(made.dense, work / "other-dense", '"pooling": "mean"', '"pooling": "last"')
    refused = search(warm_python, "faiss", other, work / "x", *words, code=2)
    assert "pooling is 'last' in the index and 'mean' in the encoder" in refused.stderr


def test_the_same_command_again_and_another(work, capsys):
    output = work / "again.jsonl"
    encode(work, SPARSE, output)
    first = output.read_bytes()
    encode(work, SPARSE, output)
    assert "in place already" in capsys.readouterr().err
    other = ("--max-length", 4)
    encode(work, SPARSE, output, *other, code=2)
    refused = capsys.readouterr().err
    assert "max length was absent, now 4" in refused and "--overwrite" in refused
    assert output.read_bytes() == first
    encode(work, SPARSE, output, *other, "--overwrite")
    assert output.read_bytes() != first
    record = work / f"{output.name}.contract.json"
    assert set(work.glob("*again*")) == {output, record}
    assert json.loads(record.read_text())["name"] == SPARSE
    assert str(work) not in record.read_text()


def test_a_run_that_was_stopped_is_resumed(work, monkeypatch):
    """What was encoded before is not encoded again, and the bytes are those of one run."""
    encode(work, SPARSE, work / "whole.tsv", "--batch-size", 2)
    seen = []

    def stop(self, queries, **options):
        if len(seen) == 2 and "resumed" not in seen:
            raise KeyboardInterrupt
        seen.append(queries[0])
        return original(self, queries, **options)

    original = SparseEncoder.encode_queries
    monkeypatch.setattr(SparseEncoder, "encode_queries", stop)
    monkeypatch.setattr(resumable_batches, "_SECONDS", 0)  # between two notes of what is done
    encode(work, SPARSE, work / "stopped.tsv", "--batch-size", 2, code=130)
    assert not (work / "stopped.tsv").exists()
    seen.append("resumed")
    encode(work, SPARSE, work / "stopped.tsv", "--batch-size", 2)
    assert seen == [QUERIES[0], QUERIES[2], "resumed", QUERIES[4]]
    assert (work / "stopped.tsv").read_bytes() == (work / "whole.tsv").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((".",), "is a folder; name a file in it"),
        (("q.tsv", "--weight-range", 5, "--quant-range", 256), "impacts that are integers already"),
        (("q.pkl",), "written as .tsv, .json or .jsonl"),
    ],
)
def test_refusals(work, monkeypatch, capsys, words, message):
    monkeypatch.chdir(work)
    words = ("--topics", "topics.tsv", "--encoder", SPARSE, "--output", *words)
    assert main([str(word) for word in words]) == 2
    assert message in capsys.readouterr().err
