"""The first reading: faults, repeated ids, entries."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_encoders.corpora import open_corpus
from pyserini_ext.encode import scan as scan_module
from pyserini_ext.encode.scan import CorpusScan, scan_corpus


def write(path, *records):
    lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return open_corpus(str(path))


def take(corpus, window=2):
    faults = []
    return scan_corpus(corpus, window, faults.append), [str(fault) for fault in faults]


def test_repeated_ids_keep_the_first(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    write(folder / "a.jsonl", {"id": "1", "text": "first"}, {"id": "2", "text": "x"})
    write(
        folder / "b.jsonl",
        {"id": "1", "text": "again"},
        {"id": "3", "text": "x"},
        "{",
        {"id": "1", "text": "thrice"},
    )
    corpus = open_corpus(str(folder))
    scan, faults = take(corpus)
    assert faults == [
        f"{folder}/b.jsonl, line 3: not valid JSON (Expecting property name enclosed in double "
        "quotes, column 2).",
        f"{folder}/b.jsonl, line 1: the id '1' was given before; ids must differ.",
        f"{folder}/b.jsonl, line 4: the id '1' was given before; ids must differ.",
    ]
    assert scan.documents == 3 and scan.faults == 3
    assert [(d.id, d.text) for d in scan.documents_from(corpus, 0)] == [
        ("1", "first"),
        ("2", "x"),
        ("3", "x"),
    ]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(1, 7))
def test_every_entry_leads_to_its_document(tmp_path_factory, ids, window):
    path = tmp_path_factory.mktemp("corpus") / "c.jsonl"
    corpus = write(path, *({"id": str(i), "text": f"text {n}"} for n, i in enumerate(ids)))
    scan, faults = take(corpus, window)
    distinct = list(dict.fromkeys(map(str, ids)))
    assert scan.documents == len(distinct) and len(faults) == len(ids) - len(distinct)
    assert len(scan.entries) == -(-len(distinct) // window)
    loaded = CorpusScan.from_json(json.loads(json.dumps(scan.to_json())))
    for number in range(len(scan.entries)):
        found = [d.id for d in loaded.documents_from(corpus, number * window)]
        assert found == distinct[number * window :]


def test_digest_is_of_the_content(tmp_path):
    document = {"id": "1", "title": "a", "text": "bc"}
    same = write(tmp_path / "a.jsonl", "", {"title": "a", "id": "1", "text": "bc "})
    digests = [
        take(corpus)[0].digest
        for corpus in (
            write(tmp_path / "b.jsonl", document),
            same,
            write(tmp_path / "c.jsonl", document | {"title": "ab", "text": "c"}),
            write(tmp_path / "d.jsonl", document | {"id": "2"}),
        )
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_ids_beyond_memory_go_to_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(scan_module, "_SPOOL_BYTES", 64)
    records = [{"id": str(i % 900), "text": "x"} for i in range(1000)]
    scan, faults = take(write(tmp_path / "c.jsonl", *records), 100)
    assert scan.documents == 900 and len(faults) == 100


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_empty_corpus(tmp_path, content):
    (tmp_path / "c.jsonl").write_text(content)
    scan, _ = take(open_corpus(str(tmp_path / "c.jsonl")))
    assert scan.documents == 0 and scan.entries == []
