"""The figures of the comparison against a brute force of the formulas; its refusals."""

import csv
import json
import math
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from llm_encoders import EncoderConfig, load_encoder
from llm_encoders.checkpoints.resolve import resolve
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.distill_query.onnx_export.job import export_onnx
from llm_encoders.distill_query.tradeoff import passages
from llm_encoders.distill_query.tradeoff.command import main
from llm_encoders.distill_query.tradeoff.memory_search import MemorySearch
from llm_encoders.distill_query.tradeoff.pareto import optimal
from llm_encoders.distill_query.tradeoff.query_side import bytes_on_disk
from llm_encoders.distill_query.tradeoff.report import COLUMNS, table_rows
from llm_encoders.distill_query.tradeoff.timing import Round, summary, time_rounds
from llm_encoders.encoding.lookup.files import write_lookup
from llm_encoders.encoding.lookup.from_teacher import lookup_contract, teacher_tokenizer
from tests.llm_encoders.conftest import write_lines
from tests.llm_encoders.distill_query.small_students import write_bert
from tests.llm_encoders.towers import WORDS, write_decoder, write_student

CONTRACTS = {
    "dense": EncoderConfig("dense"),
    # A coarse scale of impacts, so that unquantised weights would rank otherwise.
    "sparse": EncoderConfig("sparse", logit_scale=1.5, impact_scale=2.0, pool_bos=False),
}
PASSAGES, QUERIES = 120, 9


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """Passages and queries of random words. One query has a passage's id; one is not judged."""
    folder = tmp_path_factory.mktemp("collection") / "words"
    (folder / "qrels").mkdir(parents=True)
    random = np.random.default_rng(3)
    texts = [" ".join(random.choice(WORDS, 6)) for _ in range(PASSAGES)]
    records = [{"_id": f"d{i}", "title": "", "text": text} for i, text in enumerate(texts)]
    write_lines(folder / "corpus.jsonl", records)
    names = [*(f"q{i}" for i in range(QUERIES - 1)), "d7"]
    asked = [*(" ".join(random.choice(WORDS, 3)) for _ in names[:-1]), texts[7]]
    queries = [{"_id": name, "text": text} for name, text in zip(names, asked, strict=True)]
    write_lines(folder / "queries.jsonl", [*queries, {"_id": "unjudged", "text": "a"}])
    lines = ["query-id\tcorpus-id\tscore"]
    for name in names:
        for number in random.permutation(PASSAGES)[:12]:
            lines.append(f"{name}\td{number}\t{random.integers(0, 3)}")
    lines = [line for line in lines if line.split("\t")[:2] != ["d7", "d7"]] + ["d7\td7\t2"]
    (folder / "qrels" / "test.tsv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def students(tmp_path_factory):
    """Teachers with a student each, one as a graph, and a student of another teacher."""
    root = tmp_path_factory.mktemp("students")
    for kind, contract in CONTRACTS.items():
        write_decoder(root / f"{kind} teacher", contract)
        write_student(root / kind, root / f"{kind} teacher")
        write_decoder(root / f"{kind} stranger", contract, seed=9)
    write_student(root / "other", root / "dense stranger")
    write_bert(root / "bert", root / "dense teacher")
    export_onnx(str(root / "sparse"), root / "graph")
    teacher = load_encoder(root / "sparse teacher", device="cpu")
    write_lookup(
        root / "table",
        lookup_contract(teacher),
        np.linspace(0, 2, len(teacher.vocabulary), dtype=np.float32),
        teacher_tokenizer(teacher),
        Teacher.of(teacher),
    )
    return root


def run(collection, students, output, teacher, *names, **options):
    words = ["--collection", collection, "--teacher", students / teacher, "--output", output]
    words += [word for key, value in options.items() for word in (f"--{key}", value)]
    return main([*map(str, words), "--students", *(str(students / name) for name in names)])


def brute_force(collection, teacher, student):
    """nDCG@10, R@50, and R@1000 by their definitions."""
    passage_side = load_encoder(teacher, device="cpu")
    query_side = load_encoder(student, device="cpu")
    corpus = [json.loads(line) for line in (collection / "corpus.jsonl").open()]
    queries = [json.loads(line) for line in (collection / "queries.jsonl").open()]
    grades = {}
    for line in (collection / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, docid, grade = line.split("\t")
        grades.setdefault(query, {})[docid] = int(grade)
    sparse = passage_side.config.paradigm == "sparse"

    def vectors(encoder, encode, texts):
        found = encode(texts)
        if not sparse:
            return found.astype(np.float64)
        return np.rint(found.toarray() * encoder.config.impact_scale)

    documents = vectors(
        passage_side, passage_side.encode_documents, [one["text"] for one in corpus]
    )
    sums = np.zeros(3)
    for query in queries:
        if query["_id"] not in grades:
            continue
        own = grades[query["_id"]]
        (asked,) = vectors(query_side, query_side.encode_queries, [query["text"]])
        scored = [
            (float(np.float32(asked @ document)), one["_id"])
            for one, document in zip(corpus, documents, strict=True)
            if one["_id"] != query["_id"]
        ]
        found = [docid for score, docid in sorted(scored, reverse=True) if not sparse or score > 0]
        relevant = {docid for docid, grade in own.items() if grade > 0}
        gains = [own.get(docid, 0) / math.log2(i + 2) for i, docid in enumerate(found[:10])]
        best = sorted(own.values(), reverse=True)[:10]
        ideal = sum(grade / math.log2(i + 2) for i, grade in enumerate(best))
        recalls = [len(relevant & set(found[:depth])) / len(relevant) for depth in (50, 1000)]
        sums += [sum(gains) / ideal, *recalls]
    return sums / len(grades)


@pytest.mark.parametrize("kind", CONTRACTS)
def test_figures_are_those_of_a_brute_force(collection, students, tmp_path, capsys, kind):
    names = {"dense": ["dense", "bert"], "sparse": ["sparse", "graph", "table"]}[kind]
    teacher = f"{kind} teacher"
    assert run(collection, students, tmp_path, teacher, *names, repeats=2, timed=4) == 0
    said = capsys.readouterr()
    rows = list(csv.DictReader((tmp_path / "tradeoff.csv").open(newline="")))
    assert list(rows[0]) == list(COLUMNS)
    assert [Path(row["encoder"]).name for row in rows] == [teacher, *names]
    assert [row["role"] for row in rows] == ["teacher", *["student"] * len(names)]
    measures = ("ndcg@10", "recall@50", "recall@1000")
    expected = [
        brute_force(collection, students / teacher, students / name) for name in (teacher, *names)
    ]
    for row, figures in zip(rows, expected, strict=True):
        for name, figure, of_teacher in zip(measures, figures, expected[0], strict=True):
            assert float(row[name]) == pytest.approx(figure, abs=1e-9)
            assert float(row[f"{name} share"]) == pytest.approx(figure / of_teacher)
        assert 0 < 4 * int(row["parameters"]) < int(row["bytes"])
        assert float(row["search p50 ms"]) > 0 and float(row["queries/s single"]) > 0
    assert expected[0][0] != pytest.approx(expected[1][0])
    everything = json.loads((tmp_path / "tradeoff.json").read_text())
    assert (everything["queries"], everything["passages"]) == (QUERIES, PASSAGES)
    assert [len(one["rounds"]) for one in everything["encoders"]] == [2] * len(rows)
    assert len(everything["encoders"][0]["rounds"][0]["searching"]) == 4
    assert "torch" in everything["versions"] and everything["device"] == "cpu"
    assert b"bert" in (tmp_path / "pareto.svg").read_bytes() or kind == "sparse"
    assert "passage vectors in memory" in said.out and f"{expected[1][0]:.4f}" in said.out
    if kind == "sparse":
        assert rows[1]["query terms"] == rows[2]["query terms"]
        assert [row["kind"] for row in rows] == ["model", "model", "onnx", "lookup"]
        assert rows[3]["parameters"] == str(len(WORDS) + 2)


def test_passages_are_encoded_once(collection, students, tmp_path, monkeypatch):
    encoded = []
    original = passages.run_batches

    def counted(folder, job, count, size, compute, done):
        return original(folder, job, count, size, lambda b: encoded.append(b) or compute(b), done)

    monkeypatch.setattr(passages, "run_batches", counted)
    for teacher, student, total in (
        ("dense teacher", "dense", 1),
        ("dense teacher", "bert", 1),
        ("dense stranger", "other", 2),  # the vectors of another teacher are replaced
    ):
        assert run(collection, students, tmp_path, teacher, student, repeats=1, timed=1) == 0
        assert len(encoded) == total


def test_wrong_students_are_refused(collection, students, tmp_path, capsys):
    for teacher, names, problem in (
        ("dense teacher", ["dense", "other"], "which has other weights than"),
        ("sparse teacher", ["dense"], "paradigm is 'dense' in the teacher of"),
        ("dense teacher", ["dense stranger"], "is no student: its folder has no teacher.json"),
        ("dense teacher", ["dense", "dense"], "is named twice"),
        ("dense teacher", ["dense", f"../{students.name}/dense"], "is named twice, also as"),
        ("dense", ["dense"], "encodes queries only; encode passages with"),
        ("dense teacher,passage_prefix=red ", ["dense"], "passage_prefix is '' in the teacher"),
    ):
        assert run(collection, students, tmp_path / "out", teacher, *names) == 2
        assert problem in capsys.readouterr().err
    assert run(students, students, tmp_path / "out", "dense teacher", "dense") == 2
    assert "is not in BEIR layout" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_damaged_student_is_known_before_passages_are_encoded(
    collection, students, tmp_path, capsys
):
    damaged = shutil.copytree(students / "dense", students / "damaged")
    (damaged / "model.safetensors").write_bytes(b"short")
    assert run(collection, students, tmp_path / "out", "dense teacher", "dense", "damaged") == 1
    assert "Cannot load" in capsys.readouterr().err
    assert not (tmp_path / "out" / "passages").exists()


def test_files_of_a_user_are_kept(collection, students, tmp_path, capsys):
    own = tmp_path / "passages" / "corpus.jsonl"
    own.parent.mkdir()
    own.write_text("mine")
    assert run(collection, students, tmp_path, "dense teacher", "dense") == 2
    assert "holds other files, 'corpus.jsonl' among them" in capsys.readouterr().err
    assert own.read_text() == "mine"


def test_without_matplotlib_the_cure_is_said(collection, students, tmp_path, monkeypatch, capsys):
    (tmp_path / "pareto.svg").write_text("of other figures")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(collection, students, tmp_path, "dense teacher", "dense", repeats=1, timed=1) == 0
    assert "it needs matplotlib" in capsys.readouterr().out
    assert not (tmp_path / "pareto.svg").exists() and (tmp_path / "tradeoff.csv").exists()


def test_bytes_are_those_of_what_is_loaded(students):
    """Checkpoints of a run in the same folder do not count."""
    folder = students / "bert"
    before = bytes_on_disk(resolve(str(folder)))
    (folder / "checkpoint-3").mkdir()
    shutil.copy(folder / "model.safetensors", folder / "checkpoint-3")
    assert bytes_on_disk(resolve(str(folder))) == before
    shutil.rmtree(folder / "checkpoint-3")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert before == sum(path.stat().st_size for path in files)


def test_empty_queries_count(tmp_path, students):
    """A query without impacts finds nothing and lowers the mean."""
    side = load_encoder(students / "sparse teacher", device="cpu")
    side.replace_config(impact_scale=1e-9)
    vectors = side.quantize(side.encode_documents(["the cat", "a dog"]))
    assert not vectors.nnz
    search = MemorySearch(vectors, ["1", "2"], 1000)
    (found,) = search.rankings(side.quantize(side.encode_queries(["cat"])), [None])
    assert not len(found.columns)


def test_optimal_points():
    points = [(1.0, 0.9), (5.0, 0.8), (4.0, 0.8), (5.0, 0.7), (9.0, 0.1), (1.0, 0.9)]
    assert optimal(points) == [True, True, False, False, True, True]


def test_a_teacher_that_finds_nothing_has_no_shares():
    figures = dict.fromkeys(COLUMNS, 0.0) | {"queries/s batch": 2.0, "queries/s single": 1.0}
    rows = table_rows([figures, figures | {"queries/s single": 3.0}])
    assert rows[1]["ndcg@10 share"] is None and rows[1]["queries/s single ratio"] == 3


def test_encoders_take_turns():
    """In every second round in the opposite order; the summary is the median of rounds."""
    calls = []

    class Side:
        def __init__(self, name):
            self.name = name

        def encode(self, queries):
            calls.append((self.name, len(queries)))

        def search(self, query, own):
            calls.append((self.name, query, own))

    found = time_rounds([Side("x"), Side("y")], ["a", "b"], [None, 4], repeats=3)
    assert [len(rounds) for rounds in found] == [3, 3]
    warm = [call for name in "xy" for call in ((name, "a", None), (name, "b", 4), (name, 2))]
    assert calls[:6] == warm
    turns = [name for name, *rest in calls[6:] if rest == [2]]
    assert turns == ["x", "y", "y", "x", "x", "y"]
    rounds = [Round(t, [t / 10, 3 * t / 10, 8 * t / 10], [t, 3 * t]) for t in (1.0, 2.0, 8.0)]
    figures = summary(rounds)
    assert figures["queries/s batch"] == 3 / 2
    assert figures["queries/s single"] == pytest.approx(3 / (0.2 + 0.6 + 1.6))
    assert figures["search p50 ms"] == 4000 and figures["encoding p50 ms"] == pytest.approx(600)
    assert figures["encoding p95 ms"] == pytest.approx(1000 * (0.6 + 0.9 * 1.0))
    assert figures["search p99 ms"] == pytest.approx(1000 * (2 + 0.99 * 4))
