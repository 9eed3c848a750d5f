"""TSV corpora: layouts, one number of columns a file, headers, byte-order marks."""

import gzip
from pathlib import Path

import pytest

from llm_encoders import EncoderError
from llm_encoders.corpora import Position, open_corpus
from llm_encoders.corpora.files import zstd
from llm_encoders.corpora.rows import rows


def read(path, start=None, **options):
    faults = []
    corpus = open_corpus(str(path), **options)
    entries = corpus.documents(faults.append, *([start] if start else []))
    return [(d.id, d.title, d.text) for _, d in entries], [str(fault) for fault in faults]


@pytest.mark.parametrize(
    ("line", "document"),
    [
        ("7\tsome text", ("7", None, "some text")),
        ("3\ttitle\ttext", ("3", "title", "text")),
        ("D1\turl\ta title\tbody", ("D1", "a title", "body")),
    ],
)
def test_layouts(tmp_path, line, document):
    (tmp_path / "c.tsv").write_text(f"{line}\r\n{line}\n")
    assert read(tmp_path / "c.tsv") == ([document, document], [])


def test_a_tab_inside_a_text_is_a_fault(tmp_path):
    """Entering the file behind its first line changes nothing."""
    (tmp_path / "c.tsv").write_text("1\tone\n2\ttwo\tand more\n3\tthree\n4\n")
    documents, faults = read(tmp_path / "c.tsv")
    assert documents == [("1", None, "one"), ("3", None, "three")]
    assert "c.tsv, line 2: 3 tab-separated columns where the file's first line has 2" in faults[0]
    assert "c.tsv, line 4: 1 tab-separated columns where the file's first" in faults[1]
    assert read(tmp_path / "c.tsv", Position(0, 2, 6)) == (documents[1:], faults)
    with pytest.raises(EncoderError, match="c.tsv, line 2: 3 tab-separated columns"):
        list(rows(str(tmp_path / "c.tsv")))


def test_no_layout(tmp_path):
    (tmp_path / "c.tsv").write_text("1\n")
    with pytest.raises(EncoderError, match="c.tsv, line 1: 1 tab-separated columns; expected id"):
        read(tmp_path / "c.tsv")


@pytest.mark.parametrize("name", ["c.tsv", "c.tsv.gz", "c.jsonl"])
def test_a_byte_order_mark_is_no_part_of_an_id(tmp_path, name):
    content = '{"id": "1", "text": "one"}\n' if "jsonl" in name else "1\tone\n"
    opened = gzip.open if name.endswith("gz") else open
    with opened(tmp_path / name, "wt", encoding="utf-8-sig") as stream:
        stream.write(content)
    assert read(tmp_path / name) == ([("1", None, "one")], [])


@pytest.mark.parametrize("name", ["a.TSV", "a.TSV.GZ", "a.tsv.Zst", "a.JSONL", "a.Json.GZ"])
def test_a_suffix_in_capitals(tmp_path, name):
    """As the same bytes under the name in small letters; a folder holds nothing else."""
    content = b"1\tone\n" if "TSV" in name.upper() else b'{"id": "1", "text": "one"}\n'
    compress = {".gz": gzip.compress, ".zst": zstd.compress}.get(Path(name.lower()).suffix, bytes)
    for folder, called in (("small", name.lower()), ("capitals", name)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / called).write_bytes(compress(content))
    small, capitals = (tmp_path / folder for folder in ("small", "capitals"))
    assert read(capitals) == read(small) == ([("1", None, "one")], [])
    assert [row for _, row in rows(str(capitals))] == [row for _, row in rows(str(small))]
    assert open_corpus(str(capitals)).seekable == open_corpus(str(small)).seekable


def test_a_header_names_the_columns(tmp_path, capsys):
    """As in DPR's passages, where the title comes last."""
    path = tmp_path / "c.tsv"
    path.write_text("id\ttext\ttitle\n1\tthe text\tthe title\n")
    corpus = open_corpus(str(path))
    for start in (Position(), Position(0, 2, 14)):
        (found,) = [document for _, document in corpus.documents(pytest.fail, start)]
        assert (found.id, found.title, found.text) == ("1", "the title", "the text")
    assert capsys.readouterr().err == f"{path}, line 1: a header; it names id, text, title.\n"
    path.write_text("pid\tpassage\nid\ta passage\n")  # only the first line can be a header
    assert read(path) == ([("id", None, "a passage")], [])
    path.write_text("pid\turl\tbody\n7\tu\tx\n")
    options = {"docid_field": "pid", "fields": ["url", "body"], "encoded_fields": ["body"]}
    documents = open_corpus(str(path), **options | {"fields": None, "encoded_fields": None})
    assert [d.text for _, d in documents.documents(pytest.fail)] == ["x"]
    path.write_text("id\ttext\ttext\n1\tx\ty\n")
    with pytest.raises(EncoderError, match="line 1: a header that names a column twice"):
        read(path)
