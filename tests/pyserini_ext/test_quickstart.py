"""The quickstart's collections, and its whole way on a small one."""

import json
import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from llm_encoders import EncoderError, load_encoder
from pyserini_ext import commands
from pyserini_ext.quickstart.collection import beir_folder
from pyserini_ext.quickstart.command import MADE, main
from pyserini_ext.quickstart.pipeline import absolute_encoder
from pyserini_ext.quickstart.standard_library import standard_library

SYSTEMS = ("bm25", "sparse", "dense", "fusion")


@pytest.mark.whole
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
    return make_beir(tmp_path / "beir")


def make_beir(folder):
    (folder / "qrels").mkdir(parents=True)
    animals = ["cat", "dog", "frog", "owl", "bear", "fish"]
    lines = [
        json.dumps(
            {"_id": f"d{i}", "title": animal, "text": f"All about the {animal} and its life."}
        )
        for i, animal in enumerate(animals)
    ]
    # As in ArguAna, queries are documents, too, and no relevant ones.
    lines += [
        json.dumps({"_id": f"0{i}", "title": "", "text": f"the {animals[i]}"}) for i in (0, 1)
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
    # The empty one is left out.
    assert set(collection.documents) == {f"d{i}" for i in range(6)} | {"00", "01"}
    assert collection.queries == {"00": "the cat", "01": "the dog"}
    assert collection.qrels == {"00": {"d0": 2}, "01": {"d1": 2}}
    assert collection.queries_are_documents and not standard_library().queries_are_documents


def test_beir_faults(small_beir, tmp_path):
    with pytest.raises(EncoderError, match="There is no folder nowhere"):
        beir_folder(Path("nowhere"))
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


def test_judgements_of_documents_that_are_not_there(small_beir, capsys):
    with (small_beir / "qrels" / "test.tsv").open("a") as stream:
        stream.write("00\td77\t1\n01\tempty\t1\n01\tgone\t0\n")
    beir_folder(small_beir)
    said = capsys.readouterr().err
    assert "test.tsv: 2 of 4 relevant documents are not in the corpus, 'd77' among them" in said
    (small_beir / "qrels" / "test.tsv").write_text("00\td77\t1\n01\tempty\t1\n01\td1\t0\n")
    with pytest.raises(EncoderError, match="none of the 2 relevant documents is in the corpus"):
        beir_folder(small_beir)
    (small_beir / "qrels" / "test.tsv").write_text("00\td0\t0\n01\td1\t-1\n")
    with pytest.raises(EncoderError, match="judges no document relevant; .*--split"):
        beir_folder(small_beir)


@pytest.mark.parametrize("name", ["MED 10", "MED\0", "MED\t1"])
def test_query_ids_that_run_files_cannot_have(small_beir, name):
    (small_beir / "queries.jsonl").write_text(json.dumps({"_id": name, "text": "the cat"}))
    (small_beir / "qrels" / "test.tsv").write_text(f"{name}\td1\t2\n")
    with pytest.raises(EncoderError, match="line 1: (id .* holds|TREC qrels|expected three)"):
        beir_folder(small_beir)


@pytest.fixture(scope="module")
def finished(warm_python, once):
    """The working folder and what was printed; Pyserini goes by words in paths like this one."""

    def make(folder):
        words = ("--collection", make_beir(folder / "collection"), "--output", folder / "work")
        result = warm_python("-m", "pyserini_ext.quickstart", *words)
        (folder / "shown.txt").write_text(result.stdout, encoding="utf-8")

    folder = once("cacm-bright-aops", make)
    return folder / "work", (folder / "shown.txt").read_text(encoding="utf-8")


def figures(run, qrels):
    """nDCG@10, recall@100 and RR@10, averaged, by their definitions."""
    sums = np.zeros(3)
    for query_id, grades in qrels.items():
        found = [docid for docid, _ in run.get(query_id, [])]
        gains = [grades.get(docid, 0) / math.log2(i + 2) for i, docid in enumerate(found[:10])]
        best = sorted(grades.values(), reverse=True)[:10]
        ideal = sum(grade / math.log2(i + 2) for i, grade in enumerate(best))
        ranks = [i + 1 for i, docid in enumerate(found[:10]) if grades.get(docid, 0) > 0]
        recall = len(set(found[:100]) & set(grades)) / len(grades)
        sums += [sum(gains) / ideal, recall, 1 / ranks[0] if ranks else 0]
    return sums / len(qrels)


@pytest.mark.slow
def test_whole_way(finished):
    output, shown = finished
    for command in ("index.lucene", "search.lucene", "encode", "search.faiss", "fusion"):
        assert f"$ python -m pyserini.{command} " in shown
    assert f"$ cd {output}\n" in shown
    assert "--impact --encoder llm-splade-tiny" in shown
    assert "Query 00: the cat" in shown and "Relevant: d0 cat – All about the cat" in shown
    table = shown[shown.index("nDCG@10  ") :].splitlines()
    rows = [line.split() for line in table[1:5]]
    assert [row[0] for row in rows] == ["BM25", "llm-splade-tiny", "llm-dense-tiny", "fusion"]
    assert float(rows[0][1]) == 1.0  # BM25 finds 'the cat' under 'cat'
    qrels = {"00": {"d0": 2}, "01": {"d1": 2}}
    for row, name in zip(rows, ("bm25", "sparse", "dense", "fusion"), strict=True):
        run = commands.read_run(output / f"run.{name}.txt")
        shift = 1 if name == "fusion" else 0  # its name has two words
        printed = [float(word) for word in row[1 + shift : 4 + shift]]
        assert printed == pytest.approx(figures(run, qrels), abs=1e-4)


@pytest.mark.slow
def test_terms_add_up_to_the_score_that_lucene_gave(finished):
    output, shown = finished
    scores = {q: dict(hits) for q, hits in commands.read_run(output / "run.sparse.txt").items()}
    impacts = {}
    for line in (output / "vectors.sparse" / "embeddings.00000.jsonl").open(encoding="utf-8"):
        record = json.loads(line)
        impacts[record["id"]] = record["vector"]
    encoder = load_encoder("llm-splade-tiny")
    blocks = re.findall(r"^Query (\S+): (.*)\n((?:.+\n)+)", shown, flags=re.MULTILINE)
    explained = 0
    for query_id, query, text in blocks:
        weights = encoder.impacts(encoder.encode_queries([query]))[0]
        for docid, rows in re.findall(r"matches (\S+).* by .*\n((?:  .*\n)+)", text):
            for term, own, other, product in re.findall(
                r"^  (\S+) +(\d+) +× +(\d+) += +([\d,]+)$", rows, flags=re.MULTILINE
            ):
                assert (int(own), int(other)) == (weights[term], impacts[docid][term])
                assert int(own) * int(other) == int(product.replace(",", ""))
            (total,) = re.findall(r"^  sum +([\d,]+)$", rows, flags=re.MULTILINE)
            assert int(total.replace(",", "")) == scores[query_id][docid]
            explained += 1
    assert explained and "Lucene's score" not in shown


@pytest.mark.slow
def test_queries_that_are_documents_are_left_out(finished):
    output, _ = finished
    encoder = load_encoder("llm-dense-tiny")
    collection = beir_folder(output.parent / "collection")
    queries = encoder.encode_queries(list(collection.queries.values()))
    titles, texts = map(list, zip(*collection.documents.values(), strict=True))
    vectors = encoder.encode_documents(texts, titles)
    runs = {name: commands.read_run(output / f"run.{name}.txt") for name in SYSTEMS}
    everything = {}
    for query_id, scores in zip(collection.queries, queries @ vectors.T, strict=True):
        ranked = sorted(zip(collection.documents, scores, strict=True), key=lambda hit: -hit[1])
        everything[query_id] = ranked
        assert query_id in [docid for docid, _ in ranked[:2]]  # the query finds itself
        others = [docid for docid, _ in ranked if docid != query_id]
        assert [docid for docid, _ in runs["dense"][query_id]] == others
        assert not any(query_id in dict(run[query_id]) for run in runs.values())
        fused = Counter()
        for name in ("bm25", "sparse", "dense"):
            for rank, (docid, _) in enumerate(runs[name][query_id], start=1):
                fused[docid] += 1 / (60 + rank)
        assert dict(runs["fusion"][query_id]) == pytest.approx(dict(fused))
    assert figures(everything, collection.qrels)[0] < figures(runs["dense"], collection.qrels)[0]


def test_folder_of_others_is_left_alone(small_beir, tmp_path, capsys):
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.tex").touch()
    words = ["--collection", str(small_beir), "--output", str(other)]
    assert main(words) == 1
    assert "holds other files, 'thesis.tex' among them" in capsys.readouterr().err
    (other / "made-by-quickstart").touch()  # even where a quickstart worked before
    (other / "topics.json").touch()
    assert main(words) == 1
    assert "'thesis.tex'" in capsys.readouterr().err
    assert (other / "thesis.tex").exists() and (other / "topics.json").exists()


def test_only_a_quickstarts_own_files_are_replaced(finished):
    made = {path.name for path in finished[0].iterdir()}
    assert made - {"made-by-quickstart"} <= set(MADE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "/"], "root of the file system"),
        (["--output", ""], "the path is empty"),
        (["--sparse", " "], "it is empty"),
    ],
)
def test_wrong_usage(capsys, options, message):
    with pytest.raises(SystemExit, match="2"):
        main(options)
    assert message in capsys.readouterr().err


def test_faults_are_found_before_anything_is_written(small_beir, tmp_path, capsys):
    (small_beir / "qrels" / "test.tsv").write_text("00\td0\t1\n77\td1\t1\n")
    assert main(["--collection", str(small_beir), "--output", str(tmp_path / "never")]) == 1
    assert "lacks 1 judged queries, '77'" in capsys.readouterr().err
    assert not (tmp_path / "never").exists()


def test_interrupted(monkeypatch, small_beir, tmp_path, capsys):
    def interrupt(*words, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "run", interrupt)
    assert main(["--collection", str(small_beir), "--output", str(tmp_path / "w")]) == 130
    assert capsys.readouterr().err.endswith("Interrupted.\n")


def test_encoders_in_folders_are_named_from_the_root(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "base").mkdir()
    monkeypatch.chdir(tmp_path)
    spec = "mine,paradigm=sparse,backbone=base"
    expected = f"{tmp_path}/mine,paradigm=sparse,backbone={tmp_path}/base"
    assert absolute_encoder(spec) == expected
    assert absolute_encoder("llm-splade-tiny,device=cpu") == "llm-splade-tiny,device=cpu"


@pytest.mark.slow
def test_failing_command_ends_the_run_with_its_output(warm_python, small_beir, tmp_path):
    words = (
        "-m",
        "pyserini_ext.quickstart",
        "--collection",
        small_beir,
        "--output",
        tmp_path / "w",
    )
    result = warm_python(*words, "--sparse", "llm-splade-9b", code=1)
    assert "ended with exit code 2" in result.stderr
    assert "Did you mean 'llm-splade-8b'" in result.stderr
