"""The quickstart's collections, and its whole way on a small one."""

import json

import pytest

from llm_encoders import EncoderError
from pyserini_ext.quickstart.collection import beir_folder
from pyserini_ext.quickstart.standard_library import standard_library


def test_standard_library_is_a_known_item_task():
    collection = standard_library()
    assert len(collection.documents) > 3000
    assert len(collection.queries) == 300
    for query_id, query in collection.queries.items():
        (docid,) = collection.qrels[query_id]
        title, text = collection.documents[docid]
        assert title == docid and query not in text
        assert len(text.split()) >= 15
    assert standard_library().queries == collection.queries


def test_written_files(tmp_path):
    collection = standard_library()
    collection.write(tmp_path)
    first = json.loads((tmp_path / "corpus" / "corpus.jsonl").open().readline())
    assert set(first) == {"id", "title", "text", "contents"}
    topics = json.loads((tmp_path / "topics.json").read_text())
    assert topics["q1"] == {"title": collection.queries["q1"]}
    assert (tmp_path / "qrels.txt").read_text().startswith("q1 0 ")


@pytest.fixture
def small_beir(tmp_path):
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    animals = ["cat", "dog", "frog", "owl", "bear", "fish"]
    lines = [
        json.dumps(
            {"_id": f"d{i}", "title": animal, "text": f"All about the {animal} and its life."}
        )
        for i, animal in enumerate(animals)
    ]
    lines.append(json.dumps({"_id": "empty", "title": "", "text": ""}))
    (folder / "corpus.jsonl").write_text("\n".join(lines))
    queries = [json.dumps({"_id": f"0{i}", "text": f"the {a}"}) for i, a in enumerate(animals[:3])]
    (folder / "queries.jsonl").write_text("\n".join(queries))
    rows = "".join(f"0{i}\td{i}\t2\n" for i in range(2))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    return folder


def test_beir_folder(small_beir):
    collection = beir_folder(small_beir)
    assert set(collection.documents) == {f"d{i}" for i in range(6)}  # the empty one is left out
    # '00' and '01' would come out of Pyserini's fusion as 0 and 1, so they are renamed.
    assert collection.queries == {"q00": "the cat", "q01": "the dog"}
    assert collection.qrels == {"q00": {"d0": 2}, "q01": {"d1": 2}}


def test_beir_faults(small_beir, tmp_path):
    with pytest.raises(EncoderError, match="no qrels"):
        beir_folder(tmp_path)
    with pytest.raises(EncoderError, match="no qrels for the split 'tset'; it has test"):
        beir_folder(small_beir, "tset")
    with (small_beir / "queries.jsonl").open("a") as stream:
        stream.write('\n\n{"_id": "00", "text": "again"}\n')
    with pytest.raises(EncoderError, match=r"line 5: the query '00' was given before, at .*line 1"):
        beir_folder(small_beir)
    (small_beir / "queries.jsonl").write_text('{"_id": "00", "text": "the cat"}\n')
    with pytest.raises(EncoderError, match=r"queries.jsonl lacks 1 judged queries, '01' among"):
        beir_folder(small_beir)


@pytest.mark.parametrize("name", ["MED 10", "MED\0", "MED\t1"])
def test_query_ids_that_run_files_cannot_have(small_beir, name):
    (small_beir / "queries.jsonl").write_text(json.dumps({"_id": name, "text": "the cat"}))
    (small_beir / "qrels" / "test.tsv").write_text(f"{name}\td1\t2\n")
    with pytest.raises(EncoderError, match="line 1: (id .* holds|4 tab-separated|expected three)"):
        beir_folder(small_beir)


@pytest.mark.slow
def test_whole_way(python, small_beir, tmp_path):
    output = tmp_path / "work"
    result = python(
        *("-m", "pyserini_ext.quickstart", "--collection", small_beir, "--output", output)
    )
    shown = result.stdout
    for command in ("index.lucene", "search.lucene", "encode", "search.faiss", "fusion"):
        assert f"$ python -m pyserini.{command} " in shown
    assert "--impact --encoder llm-splade-tiny" in shown
    table = shown[shown.index("nDCG@10  ") :].splitlines()
    rows = [line.split() for line in table[1:5]]
    assert [row[0] for row in rows] == ["BM25", "llm-splade-tiny", "llm-dense-tiny", "fusion"]
    assert float(rows[0][1]) == 1.0  # BM25 finds 'the cat' under 'cat'
    assert all(0 < float(row[1]) <= 1 for row in rows[1:3])
    assert "Query: the cat" in shown and "relevant: d0" in shown
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.tex").touch()
    words = ("-m", "pyserini_ext.quickstart", "--collection", small_beir, "--output", other)
    assert "holds other files" in python(*words, code=1).stderr
    assert (other / "thesis.tex").exists()


@pytest.mark.slow
def test_failing_command_ends_the_run_with_its_output(python, small_beir, tmp_path):
    words = (
        "-m",
        "pyserini_ext.quickstart",
        "--collection",
        small_beir,
        "--output",
        tmp_path / "w",
    )
    result = python(*words, "--sparse", "llm-splade-9b", code=1)
    assert "ended with exit code 2" in result.stderr
    assert "Did you mean 'llm-splade-8b'" in result.stderr
