"""Folders: what is BEIR, what is a corpus, and what is neither."""

import gzip
import json

import pytest

from llm_encoders import EncoderError, UsageError
from llm_encoders.corpora import open_corpus
from llm_encoders.corpora.beir import BeirFolder, is_beir
from llm_encoders.corpora.files import zstd
from llm_encoders.corpora.rows import rows

OPEN = {"": open, ".gz": gzip.open, ".zst": zstd.open}


def write(path, *records):
    path.parent.mkdir(parents=True, exist_ok=True)
    with OPEN[path.suffix if path.suffix in OPEN else ""](path, "wt", encoding="utf-8") as stream:
        for record in records:
            stream.write((record if isinstance(record, str) else json.dumps(record)) + "\n")


def ids(path):
    return [document.id for _, document in open_corpus(str(path)).documents(pytest.fail)]


@pytest.fixture(params=OPEN)
def folder(request, tmp_path):
    suffix = request.param
    write(tmp_path / f"corpus.jsonl{suffix}", {"_id": "d1", "text": "x"})
    write(tmp_path / f"queries.jsonl{suffix}", {"_id": "q1", "text": "a"}, {"_id": 2, "text": "b"})
    write(
        tmp_path / "qrels" / f"test.tsv{suffix}",
        *("query-id\tcorpus-id\tscore", "q1\td1\t2", "2\td1\t0", "q1\td1\t2"),
    )
    write(tmp_path / "qrels" / "dev.tsv", "q1\td1\t1")
    return tmp_path


def test_every_file_may_be_compressed(folder):
    assert is_beir(folder)
    assert ids(folder) == ["d1"]
    beir = BeirFolder(folder)
    assert [(query.id, query.text) for query in beir.queries()] == [("q1", "a"), ("2", "b")]
    assert beir.qrels("test") == {"q1": {"d1": 2}, "2": {"d1": 0}}
    assert beir.qrels("dev") == {"q1": {"d1": 1}}
    assert beir.splits() == ["dev", "test"]
    with pytest.raises(UsageError, match="no qrels for the split 'train'; it has dev, test"):
        beir.qrels("train")


def test_a_file_that_is_there_twice(folder):
    for suffix in OPEN:
        write(folder / f"corpus.jsonl{suffix}", {"_id": "d2", "text": "x"})
    with pytest.raises(EncoderError, match="holds corpus.jsonl and corpus.jsonl.gz and"):
        open_corpus(str(folder))


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("queries.jsonl", '{"_id": "q1", "text": "again"}', "line 3: the query 'q1' was given"),
        ("queries.jsonl", '{"_id": "q3"}', "line 3: expected a query with '_id' and 'text'"),
        ("queries.jsonl", '{"_id": true, "text": "x"}', "line 3: expected a query with '_id'"),
        ("queries.jsonl", "[" * 200_000, "line 3: JSON nested too deeply"),
        ("queries.jsonl", "1" * 5_000, "line 3: JSON with a number of thousands of digits"),
        ("qrels/test.tsv", "q1\td1\t1", "line 5: .*'q1'.*'d1' were judged 2 before, here 1"),
        ("qrels/test.tsv", "q1\td1\thigh", "line 5: .* the grade is 'high', which is no whole"),
        ("qrels/test.tsv", "q1\td1\t0.5", "line 5: .* the grade is '0.5', which is no whole"),
        ("qrels/test.tsv", "q1\td1\t1_0", "line 5: .* the grade is '1_0', which is no whole"),
        ("qrels/test.tsv", "q1\td1\t", "line 5: .* the grade is '', which is no whole"),
        ("qrels/test.tsv", "q1\td1\t" + "1" * 5_000, "line 5: .* the grade is '1{40}', which"),
        ("qrels/test.tsv", "q1 d1 1", "line 5: 1 tab-separated columns"),
    ],
)
def test_faults_name_file_and_line(folder, file, line, message):
    (path,) = folder.glob(f"{file}*")
    with OPEN[path.suffix if path.suffix in OPEN else ""](path, "at", encoding="utf-8") as stream:
        stream.write(line + "\n")
    beir = BeirFolder(folder)
    with pytest.raises(EncoderError, match=message) as caught:
        list(beir.queries()), beir.qrels("test")
    assert str(caught.value).startswith(str(path))


def test_grades_that_are_written_as_floats(tmp_path):
    """What ``float`` makes of them, which is a whole number."""
    grades = ["1.0", "0.0", "2.", "-1.00", "3", "+1", " 1.0"]
    write(tmp_path / "qrels" / "test.tsv", *(f"q\td{n}\t{g}" for n, g in enumerate(grades)))
    read = BeirFolder(tmp_path).qrels("test")["q"]
    assert list(read.values()) == [float(grade) for grade in grades]
    assert {type(grade) for grade in read.values()} == {int}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q1\t0\td1\t1", "line 1: TREC qrels, which have four columns; expected three .* Take"),
        ("q1\td1", "line 1: expected three tab-separated columns: .*; there are 2"),
    ],
)
def test_another_number_of_columns(tmp_path, line, message):
    write(tmp_path / "qrels" / "test.tsv", line)
    with pytest.raises(EncoderError, match=message):
        BeirFolder(tmp_path).qrels("test")


@pytest.mark.parametrize("file", ["queries.jsonl", "qrels/test.tsv"])
def test_not_utf8(tmp_path, file):
    write(tmp_path / "queries.jsonl", {"_id": "q1", "text": "a"})
    write(tmp_path / "qrels" / "test.tsv", "q1\td1\t1")
    with (tmp_path / file).open("ab") as stream:
        stream.write(b'{"_id": "q\xff", "text": "x"}\n')
    beir = BeirFolder(tmp_path)
    with pytest.raises(EncoderError, match=f"{file}, line 2: not valid UTF-8"):
        list(beir.queries()), beir.qrels("test")


@pytest.mark.parametrize("beside", ["queries_test.jsonl", "dev-queries.tsv", "qrels.tsv"])
def test_a_folder_that_only_nearly_has_the_names(tmp_path, beside):
    write(tmp_path / "corpus.jsonl", {"_id": "d1", "text": "x"})
    write(tmp_path / beside, {"_id": "q1", "text": "a"})
    assert ids(tmp_path) == ["d1"]
    (tmp_path / "corpus.jsonl").rename(tmp_path / "documents.jsonl")
    with pytest.raises(EncoderError, match=f"{beside} holds, by its name, queries or judgements"):
        open_corpus(str(tmp_path))


def test_a_folder_without_documents(tmp_path):
    write(tmp_path / "queries.jsonl", {"_id": "q1", "text": "a"})
    write(tmp_path / "qrels" / "test.tsv", "q1\td1\t1")
    with pytest.raises(EncoderError, match=r"there is no corpus.jsonl \(or corpus.jsonl.gz\)"):
        open_corpus(str(tmp_path))


def test_subfolders_are_read(tmp_path):
    for number, name in enumerate(["b.jsonl", "a/2.jsonl", "a/10.jsonl", "a/b/c.jsonl.gz"]):
        write(tmp_path / name, {"_id": str(number), "text": "x"})
    for name in ("README.md", "a/LICENSE", "_SUCCESS", ".git/config", "a/.hidden"):
        write(tmp_path / name, "no document")
    assert ids(tmp_path) == ["2", "1", "3", "0"]
    names = [name for name, *_ in open_corpus(str(tmp_path)).fingerprint()]
    assert names == ["a/10.jsonl", "a/2.jsonl", "a/b/c.jsonl.gz", "b.jsonl"]
    assert len(list(rows(str(tmp_path)))) == 4
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    with pytest.raises(EncoderError, match="a/loop leads back to"):
        open_corpus(str(tmp_path))


@pytest.mark.parametrize("name", ["notes.pdf", "table.csv", "a/documents.txt.gz"])
def test_other_files_are_errors(tmp_path, name):
    write(tmp_path / "documents.jsonl", {"_id": "1", "text": "x"})
    (tmp_path / "a").mkdir()
    (tmp_path / name).touch()
    with pytest.raises(EncoderError, match=f"{name} is no file of documents"):
        open_corpus(str(tmp_path))
    with pytest.raises(EncoderError, match=f"{name} is no file of records"):
        list(rows(str(tmp_path)))


def test_parquet_beside_json(tmp_path):
    import datasets

    (tmp_path / "data").mkdir()
    datasets.Dataset.from_dict({"id": ["a"], "text": ["x"]}).to_parquet(
        tmp_path / "data" / "train.parquet"
    )
    write(tmp_path / "README.md", "about")
    assert ids(tmp_path) == ["a"]
    write(tmp_path / "more.jsonl", {"_id": "1", "text": "x"})
    with pytest.raises(EncoderError, match="holds both train.parquet and more.jsonl"):
        open_corpus(str(tmp_path))
