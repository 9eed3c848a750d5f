"""Reading corpora: every layout, and every fault with its file and line."""

import gzip
import json

import pytest

from llm_encoders import EncoderError, UsageError
from llm_encoders.corpora import Position, open_corpus
from llm_encoders.corpora.files import zstd
from llm_encoders.corpora.rows import rows


def write(path, *records):
    lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def read(corpus, *start):
    faults = []
    documents = [document for _, document in corpus.documents(faults.append, *start)]
    return documents, [str(fault) for fault in faults]


def texts(path, **options):
    documents, faults = read(open_corpus(path, **options))
    assert faults == []
    return [(d.id, d.title, d.text) for d in documents]


def test_records_of_every_layout(tmp_path):
    path = write(
        tmp_path / "c.jsonl",
        {"_id": "b1", "title": "T", "text": " x ", "metadata": {}},
        {"id": 7, "contents": "Some\ncontents\n"},
        {"docid": "d", "text": "only text", "title": ""},
        {"id": "t", "text": "", "title": "only a title"},
        "",
    )
    assert texts(path) == [
        ("b1", "T", "x"),
        ("7", None, "Some\ncontents"),
        ("d", None, "only text"),
        ("t", "only a title", ""),
    ]


def test_named_fields(tmp_path):
    path = write(
        tmp_path / "c.jsonl",
        {"key": "a", "title": "T", "url": "u", "text": "x"},
        {"key": "b", "contents": "T2|u2|x2|"},
    )
    options = {"docid_field": "key", "delimiter": "|", "fields": ["title", "url", "text"]}
    both = texts(path, encoded_fields=["title", "text"], **options)
    assert both == [("a", "T", "x"), ("b", "T2", "x2")]
    assert texts(path, encoded_fields=["text"], **options) == [("a", None, "x"), ("b", None, "x2")]
    documents, _ = read(open_corpus(path, encoded_fields=["text"], **options))
    assert [d.contents for d in documents] == ["T\nu\nx", "T2\nu2\nx2"]


def test_only_text_is_encoded_on_demand(tmp_path):
    path = write(tmp_path / "c.jsonl", {"id": "a", "title": "T", "text": "x"})
    (document,), _ = read(open_corpus(path, encoded_fields=["text"]))
    assert (document.title, document.text, document.contents) == (None, "x", "T\nx")
    assert document.place == f"{path}, line 1"


def test_folders_in_order_gzip_and_beir(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    write(folder / "b.jsonl", {"id": "2", "text": "x"})
    with gzip.open(folder / "a.jsonl.gz", "wt") as stream:
        stream.write('{"id": "1", "text": "x"}\n')
    write(folder / ".hidden", "not json")
    assert [d[0] for d in texts(str(folder))] == ["1", "2"]
    write(folder / "corpus.jsonl", {"_id": "beir", "text": "x"})
    write(folder / "queries.jsonl", {"_id": "q", "text": "x"})
    assert [d[0] for d in texts(str(folder))] == ["beir"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{oops", "not valid JSON"),
        ("[1]", "expected a JSON object"),
        ({"text": "x"}, "no id"),
        ({"id": None, "text": "x"}, "no id"),
        ({"id": True, "text": "x"}, "no id"),
        ({"id": "", "text": "x"}, "no id"),
        ({"id": "a b", "text": "x"}, "holds whitespace"),
        ({"id": "a\n", "text": "x"}, "holds whitespace"),
        ({"id": "a\0\0", "text": "x"}, "holds a control character"),
        ({"id": "a\x85b", "text": "x"}, "holds whitespace"),
        ({"id": "a\x9fb", "text": "x"}, "holds a control character"),
        ('{"id": "a", "text": ' + "[" * 200_000, "nested too deeply"),
        ('{"id": ' + "1" * 5_000 + "}", "a number of thousands of digits"),
        ('{"id": "a\\ud83d", "text": "x"}', "half of a surrogate pair"),
        ({"id": "z", "text": "  "}, "document 'z' has an empty text"),
        ({"id": "z", "title": "", "text": ""}, "document 'z' has an empty text"),
        ({"id": "z", "contents": ""}, "document 'z' has an empty text"),
        ({"id": "z", "text": 3}, "must be strings"),
        ({"id": "z", "body": "x"}, "no 'text' and no 'contents'"),
    ],
)
def test_faults_name_file_and_line(tmp_path, record, message):
    path = write(
        tmp_path / "c.jsonl", {"id": "first", "text": "x"}, "", record, {"id": "l", "text": "y"}
    )
    documents, faults = read(open_corpus(path))
    assert [d.id for d in documents] == ["first", "l"]
    assert len(faults) == 1
    assert faults[0].startswith(f"{path}, line 3: ") and message in faults[0]


def test_faults_of_named_fields(tmp_path):
    path = write(
        tmp_path / "c.jsonl", {"id": "a", "contents": "x\ny\nz"}, {"id": "b", "title": "x"}
    )
    _, faults = read(open_corpus(path, fields=["title", "text"], encoded_fields=["text"]))
    assert "line 1: 'contents' has 3 fields" in faults[0]
    assert "line 2: no field 'text' and no 'contents'" in faults[1]


def test_not_utf8(tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_bytes(b'{"id": "1", "text": "\xff"}\n')
    assert "line 1: not valid UTF-8" in read(open_corpus(str(path)))[1][0]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("name", ["c.jsonl", "c.tsv", "c.jsonl.gz"])
def test_utf16_is_named(tmp_path, encoding, name):
    """The first line alone would be read: ``json.loads`` guesses the encoding of bytes."""
    opened = gzip.open if name.endswith("gz") else open
    with opened(tmp_path / name, "wt", encoding=encoding) as stream:
        stream.write('{"id": "1", "text": "one"}\n{"id": "2", "text": "two"}\n')
    with pytest.raises(EncoderError, match=f"{name}, line 1: the file is in UTF-16 .*iconv"):
        read(open_corpus(str(tmp_path / name)))
    with pytest.raises(EncoderError, match=f"{name}, line 1: the file is in UTF-16 .*iconv"):
        list(rows(str(tmp_path / name)))


def test_an_empty_delimiter(tmp_path):
    with pytest.raises(UsageError, match="The delimiter between fields is empty"):
        open_corpus(write(tmp_path / "c.jsonl"), fields=["text"], delimiter="")


def test_no_corpus(tmp_path):
    with pytest.raises(EncoderError, match="There is no corpus"):
        open_corpus(str(tmp_path / "missing"))
    with pytest.raises(EncoderError, match="holds no files"):
        open_corpus(str(tmp_path))
    (tmp_path / "c.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(EncoderError, match="broken gzip"):
        read(open_corpus(str(tmp_path)))
    (tmp_path / "c.jsonl.gz").unlink()
    (tmp_path / "c.jsonl.zst").write_bytes(b"no zstd")
    with pytest.raises(EncoderError, match="broken zstd"):
        read(open_corpus(str(tmp_path)))


def test_truncated_compression(tmp_path):
    content = "".join(f'{{"id": "{i}", "text": "word {i * 7919}"}}\n' for i in range(5000)).encode()
    for name, whole in (
        ("a.jsonl.gz", gzip.compress(content)),
        ("a.jsonl.zst", zstd.compress(content)),
    ):
        path = tmp_path / name
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(EncoderError, match=f"{name}: broken"):
            read(open_corpus(str(path)))


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_entering_at_any_position(tmp_path, suffix):
    folder = tmp_path / "corpus"
    folder.mkdir()
    open_file = {"": open, ".gz": gzip.open, ".zst": zstd.open}[suffix]
    for part in range(3):
        with open_file(folder / f"{part}.jsonl{suffix}", "wt") as stream:
            for i in range(5):
                stream.write(f'{{"id": "{part}-{i}", "text": "é{"x" * i}"}}\n\n{{"broken"\n')
    corpus = open_corpus(str(folder))
    everything = list(corpus.documents(lambda fault: None))
    assert len(everything) == 15 and everything[6][0].file == 1
    for number, (position, _) in enumerate(everything):
        rest = list(corpus.documents(lambda fault: None, Position(*position)))
        assert rest == everything[number:]
