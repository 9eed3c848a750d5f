"""Graphs in ONNX give PyTorch's vectors, whatever the model; what cannot be is a sentence."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from llm_encoders import EncoderConfig, EncoderError, UsageError, load_encoder
from llm_encoders.checkpoints.fingerprint import weights_digest
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.distill_query.onnx_export import agreement, job
from llm_encoders.distill_query.onnx_export.agreement import sample_queries
from llm_encoders.distill_query.onnx_export.command import main
from llm_encoders.distill_query.onnx_export.graph import largest_logits
from llm_encoders.distill_query.onnx_export.quantisation import quantised_table
from llm_encoders.encoding.encoder import Encoder
from llm_encoders.encoding.onnx_encoder import OnnxQueryEncoder
from tests.llm_encoders.distill_query.small_students import write_bert, write_term_student
from tests.llm_encoders.towers import TEXTS, write_decoder, write_student, write_towers

QUERIES = [*TEXTS, "", "the red fox in the house", "rain " * 90, "sun, moon <s> and <unk> sea"]
CONTRACTS = {
    "bert": {"normalize": True, "dimension": 8, "query_prefix": "the ", "query_pool_prefix": False},
    "dense": EncoderConfig(
        "dense", "causal", "weighted-mean+max", pool_bos=False, query_prefix="a ", lowercase=True
    ),
    "sparse": EncoderConfig("sparse", logit_scale=30.0, query_top_k=5, query_suffix=" mat"),
    "terms": {"logit_scale": 0.7, "special_tokens": False},
}


def rows(vectors):
    return vectors if isinstance(vectors, np.ndarray) else vectors.toarray()


@pytest.fixture(scope="module")
def students(tmp_path_factory):
    """Folders of students by kind, each beside its teacher and its graphs in both formats."""
    root = tmp_path_factory.mktemp("students")
    for kind in ("dense", "sparse"):
        write_decoder(root / f"{kind} teacher", CONTRACTS[kind])
        write_student(root / kind, root / f"{kind} teacher")
    write_decoder(root / "bert teacher", EncoderConfig("dense", dimension=8))
    write_bert(root / "bert", root / "bert teacher", **CONTRACTS["bert"])
    write_term_student(root / "terms", root / "sparse teacher", **CONTRACTS["terms"])
    for kind in CONTRACTS:
        assert main([str(root / kind), str(root / f"{kind} onnx")]) == 0
    return root


@pytest.mark.parametrize("kind", CONTRACTS)
def test_vectors_are_those_of_pytorch(students, kind):
    student = load_encoder(students / kind, device="cpu")
    graph = load_encoder(students / f"{kind} onnx")
    assert isinstance(student, Encoder) and isinstance(graph, OnnxQueryEncoder)
    expected, found = student.encode_queries(QUERIES), graph.encode_queries(QUERIES)
    assert np.abs(rows(expected)).max() > 0.1
    np.testing.assert_allclose(rows(found), rows(expected), atol=1e-5)
    for query, row in zip(QUERIES, rows(expected), strict=True):
        np.testing.assert_allclose(rows(graph.encode_queries([query]))[0], row, atol=1e-5)
    short = rows(student.encode_queries(QUERIES, max_length=6))
    np.testing.assert_allclose(rows(graph.encode_queries(QUERIES, max_length=6)), short, atol=1e-5)
    assert graph.query_token_ids(QUERIES) == student.query_token_ids(QUERIES)
    assert rows(graph.encode_queries([])).shape == (0, rows(expected).shape[1])
    assert graph.parameters == student.parameters
    assert Teacher.of(graph) == Teacher.of(student)
    if graph.vocabulary:
        assert graph.vocabulary == student.vocabulary
        assert graph.impacts(found) == student.impacts(expected)
        assert np.diff(found.indptr).max() == (5 if kind == "sparse" else 16)


def test_weights_are_counted_once(students):
    """Of the student like BERT, by hand: embeddings, two layers, projection."""
    tokens, positions, hidden, wide = 17, 64, 16, 32
    embeddings = (tokens + positions + 2 + 2) * hidden
    layer = 4 * (hidden + 1) * hidden + 2 * hidden * wide + wide + hidden + 4 * hidden
    assert load_encoder(students / "bert onnx").parameters == embeddings + 2 * layer + 17 * 8
    student = load_encoder(students / "terms", device="cpu")
    states = sum(weight.numel() for weight in student.backbone.decoder.parameters())
    assert student.parameters == states + 17 * 16 + 17  # of the head: weight and bias


def test_int8_is_close(students, tmp_path, capsys):
    assert main([str(students / "bert"), str(tmp_path / "int8"), "--int8"]) == 0
    said = capsys.readouterr().out
    exact, graph = (load_encoder(one) for one in (students / "bert onnx", tmp_path / "int8"))
    samples = sample_queries(exact.max_length("query"))
    expected, found = exact.encode_queries(samples), graph.encode_queries(samples)
    assert 1e-4 < np.abs(found - expected).max() < 0.1
    assert (expected * found).sum(axis=1).min() > 0.99  # both are normalised
    record = json.loads((tmp_path / "int8" / "onnx.json").read_text())
    assert record["int8"] and f"at most {record['difference']:.1e}" in said
    assert record["difference"] == pytest.approx(np.abs(found - expected).max(), rel=0.5)
    marks = json.loads((tmp_path / "int8" / "export.json").read_text())
    assert record["compared_tokens"] == marks["compared_tokens"] == 64
    assert "were not compared" not in said  # no query is longer
    assert sorted(path.name for path in (tmp_path / "int8").glob("*.onnx")) == ["model.onnx"]


def test_embeddings_have_a_scale_a_row_and_a_column():
    table = np.array([[0.5, -127, 0.066], [0, 0, 0], [0.25, 254, -0.033]], dtype=np.float32)
    integers, rows, columns = quantised_table(table)
    np.testing.assert_allclose(columns, [[0.5, 254, 0.066]], rtol=1e-6)
    np.testing.assert_allclose(rows * 127, [[1], [1], [1]], rtol=1e-6)
    assert integers.tolist() == [[127, -64, 127], [0, 0, 0], [64, 127, -64]]
    np.testing.assert_allclose(integers * rows * columns, table, atol=254 / 127 / 2)


def test_a_column_that_is_larger_than_the_others_costs_them_no_digits():
    table = np.random.default_rng(0).normal(size=(50, 16)).astype(np.float32)
    table[:, 3] *= 100
    integers, rows, columns = quantised_table(table)
    errors = np.abs(integers * rows * columns - table).max(axis=0)
    assert (errors < np.abs(table).max(axis=0) / 200).all()
    assert integers.dtype == np.int8 and rows.dtype == columns.dtype == np.float32


def test_passages_and_what_is_in_the_graph_are_refused(students):
    graph = load_encoder(students / "bert onnx")
    with pytest.raises(UsageError, match=r"queries only; encode passages with .*bert teacher"):
        graph.encode_documents(["a"])
    for refused in (graph.document_token_ids, lambda _: graph.replace_prefix("passage", "a ")):
        with pytest.raises(UsageError, match="queries only"):
            refused(["a"])
    with pytest.raises(UsageError, match="normalize is fixed in its ONNX graph at True"):
        load_encoder(students / "bert onnx", normalize=False)
    with pytest.raises(UsageError, match="query_pool_prefix is fixed"):
        graph.replace_config(query_pool_prefix=True)
    graph.replace_prefix("query", "red ")
    student = load_encoder(students / "bert", device="cpu")
    student.replace_prefix("query", "red ")
    expected = student.encode_queries(QUERIES)
    np.testing.assert_allclose(graph.encode_queries(QUERIES), expected, atol=1e-5)


def test_a_graph_that_differs_is_not_written(students, tmp_path, monkeypatch, capsys):
    """The model changes between the tracing and the comparison."""
    write_graph = job.write_graph

    def write_other(encoder, path):
        write_graph(encoder, path)
        next(encoder.backbone.decoder.parameters()).data[2] += 0.01

    monkeypatch.setattr(job, "write_graph", write_other)
    assert main([str(students / "dense"), str(tmp_path / "out")]) == 1
    assert "differ from PyTorch's by" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_of_long_queries_it_is_said_what_was_compared(students, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(job, "LONGEST", 9)
    monkeypatch.setattr(agreement, "LONGEST", 9)
    assert main([str(students / "dense"), str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "Queries may have 64 tokens; the vectors of those of more than 9 were not" in said
    for name in ("onnx.json", "export.json"):
        assert json.loads((tmp_path / "out" / name).read_text())["compared_tokens"] == 9


def test_weights_outside_of_the_graph_are_not_written(students, tmp_path, monkeypatch, capsys):
    """As PyTorch writes them where a graph is larger than 2 GiB."""

    def export(module, inputs, path, **options):
        for name in (path, f"{path}_data"):
            Path(name).write_bytes(b"0")

    monkeypatch.setattr("torch.onnx.export", export)
    assert main([str(students / "dense"), str(tmp_path / "out")]) == 1
    assert "its graph is too large for one file (2 GiB)" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_no_fault_of_the_model(students, tmp_path, monkeypatch, capsys):
    def export(module, inputs, path, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torch.onnx.export", export)
    assert main([str(students / "dense"), str(tmp_path / "out")]) == 1
    assert "error: [Errno 28] No space left on device\n" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_faulty_folders_are_sentences(students, tmp_path, monkeypatch, capsys):
    folder = students / "sparse onnx"
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EncoderError, match="run by ONNX Runtime. Install it: 'pip install onnxr"):
        load_encoder(folder)
    monkeypatch.delitem(sys.modules, "onnxruntime")
    assert main([str(folder), str(tmp_path / "again")]) == 2
    assert "encoded by 'onnx', which needs no export" in capsys.readouterr().err
    terms = (folder / "terms.json").read_text()
    for name, content, problem in (
        ("model.onnx", "{}", "Cannot load .*model.onnx"),
        ("terms.json", json.dumps(json.loads(terms)[1:]), "16 index terms, but .* gives 17"),
        ("terms.json", json.dumps(json.loads(terms)[::-1]), "are not the 17 of its teacher"),
        ("onnx.json", '{"rows": 0}', "onnx.json: rows is '0'"),
        ("tokenizer.json", "{}", "tokenizer.json is no tokenizer"),
        ("tokenizer_config.json", "", "tokenizer_config.json, line 1: not valid JSON"),
    ):
        before = (folder / name).read_bytes()
        (folder / name).write_text(content)
        with pytest.raises(EncoderError, match=problem):
            load_encoder(folder)
        (folder / name).write_bytes(before)
    load_encoder(folder)
    with pytest.raises(UsageError, match="append_eos is set, but its tokenizer has no EOS"):
        load_encoder(folder, append_eos=True)
    monkeypatch.setattr(job, "find_spec", lambda name: None if name == "onnx" else name)
    assert main([str(students / "dense"), str(tmp_path / "int8"), "--int8"]) == 1
    assert "needs the package onnx: 'pip install" in capsys.readouterr().err


def test_a_special_token_without_embedding_is_refused(students):
    graph = load_encoder(students / "dense onnx")
    graph.record = dataclasses.replace(graph.record, rows=5)
    with pytest.raises(EncoderError, match="query number 2 holds the token 16"):
        graph.encode_queries(["a", "rain"])


def test_neither_pytorch_nor_transformers_is_imported(students, python):
    code = f"""
import sys
from llm_encoders import load_encoder
print(load_encoder({str(students / "sparse onnx")!r}).encode_queries(["the cat"]).nnz > 0)
print([name for name in ("torch", "transformers", "onnx") if name in sys.modules])
"""
    assert python("-c", code).stdout.split("\n") == ["True", "[]", ""]


def test_two_towers_give_their_query_tower(students, tmp_path):
    """The passage tower is then the teacher."""
    write_towers(tmp_path / "both", students / "dense teacher", students / "dense teacher")
    both = load_encoder(tmp_path / "both", device="cpu")
    assert main([str(tmp_path / "both"), str(tmp_path / "graph")]) == 0
    graph = load_encoder(tmp_path / "graph")
    np.testing.assert_allclose(
        graph.encode_queries(QUERIES), both.encode_queries(QUERIES), atol=1e-5
    )
    assert Teacher.of(graph).weights == weights_digest(both.files)


def test_the_last_token(tmp_path):
    """A graph that leaves the length of its vectors open."""
    teacher = write_decoder(
        tmp_path / "teacher", EncoderConfig("dense", "causal", "last", normalize=True)
    )
    assert main([str(teacher), str(tmp_path / "graph")]) == 0
    graph, encoder = load_encoder(tmp_path / "graph"), load_encoder(teacher, device="cpu")
    assert graph.dimension == encoder.dimension
    expected = encoder.encode_queries(list(TEXTS))
    np.testing.assert_allclose(graph.encode_queries(list(TEXTS)), expected, atol=1e-5)


@pytest.mark.parametrize("length", [*range(1, 10), 33])
def test_the_largest_logit_is_that_of_all_tokens(length):
    logits = torch.randn(3, length, 50 * length, generator=torch.Generator().manual_seed(length))
    found = largest_logits(logits)
    assert torch.equal(found, logits.amax(1))
    assert set(logits.argmax(1).flatten().tolist()) == set(range(length))  # each place counts
