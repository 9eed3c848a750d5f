"""An index and the query tower that was distilled from the encoder that made it."""

import dataclasses
import json

import numpy as np
import pytest

from llm_encoders import UsageError, load_encoder
from llm_encoders.checkpoints.resolve import resolve
from llm_encoders.checkpoints.two_sides import passage_identity
from llm_encoders.checks.subject import load_subject
from llm_encoders.evaluation.encoder_ranker import encoder_fingerprint
from llm_encoders.export.job import export
from llm_encoders.teachers.choice import find_teacher
from pyserini_ext.bridge.encoders import LlmDenseDocumentEncoder, LlmDenseQueryEncoder
from pyserini_ext.encode.command import main as encode
from pyserini_ext.encode.fingerprint import checkpoint_fingerprint
from pyserini_ext.folders.contract import CONTRACT_NAME, require_same_encoder, write_contract
from pyserini_ext.queries.command import main
from pyserini_ext.queries.record import record_path, require_index_of_queries
from tests.llm_encoders.towers import CONTRACTS, write_decoder, write_student, write_towers


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Teacher, another encoder, and a student of the teacher."""
    root = tmp_path_factory.mktemp("folders")
    teacher = write_decoder(root / "teacher", CONTRACTS["dense"])
    write_decoder(root / "other", CONTRACTS["dense"], seed=5)
    write_student(root / "student", teacher)
    write_towers(root / "both", teacher, root / "other")
    return root


def index_of(encoder, folder):
    """An index, as far as it is compared with encoders."""
    contract, weights = passage_identity(resolve(str(encoder)))
    folder.mkdir(exist_ok=True)
    record = {"name": str(encoder), "contract": dataclasses.asdict(contract), "weights": weights}
    write_contract(folder, record)
    return folder


def require_same(index, encoder):
    files = resolve(str(encoder))
    require_same_encoder(index, files.name, files.contract, files)


def test_a_student_searches_the_index_of_its_teacher(folders, tmp_path):
    require_same(index_of(folders / "teacher", tmp_path), folders / "student")
    with pytest.raises(UsageError) as caught:
        require_same(index_of(folders / "other", tmp_path), folders / "student")
    said = str(caught.value)
    assert f"made by {folders / 'other'} with other weights than {folders / 'teacher'}, " in said
    assert f"the teacher of {folders / 'student'}, had in distillation" in said
    values = json.loads((tmp_path / CONTRACT_NAME).read_text())
    values["contract"]["passage_prefix"] = "title: "
    write_contract(tmp_path, values)
    with pytest.raises(UsageError, match="'title: ' in the index and 'a ' in the teacher. Search"):
        require_same(tmp_path, folders / "student")


def test_two_towers_search_the_index_of_the_passage_tower(folders, tmp_path):
    require_same(index_of(folders / "both", tmp_path), folders / "both")
    require_same(tmp_path, folders / "teacher")  # the same model and no other query tower
    with pytest.raises(UsageError, match="with other weights than"):
        require_same(tmp_path, folders / "other")
    whole, both = (resolve(str(folders / name)) for name in ("teacher", "both"))
    prints = [checkpoint_fingerprint(one) for one in (whole, both)]
    assert prints[0].pop("contract") != prints[1].pop("contract")
    assert prints[0] == prints[1]


def test_passages_are_refused(folders):
    student = str(folders / "student")
    says = f"{student} encodes queries only; encode passages with {folders / 'teacher'}."
    encoder = load_encoder(student, device="cpu")
    for call in (
        lambda: encoder.encode_documents(["the cat"]),
        lambda: encoder.document_token_ids(["the cat"]),
        lambda: encoder.encode_document_tokens([[1, 2]]),
        lambda: encoder.document_batches([[1, 2]]),
        lambda: encoder.replace_prefix("passage", "x"),
        lambda: LlmDenseDocumentEncoder(student, device="cpu"),
    ):
        with pytest.raises(UsageError) as caught:
            call()
        assert str(caught.value) == says


def test_commands_refuse_passages(folders, tmp_path, capsys):
    student, corpus = str(folders / "student"), tmp_path / "corpus.jsonl"
    corpus.write_text('{"id": "1", "contents": "the cat"}\n')
    out = tmp_path / "out"
    words = ["--encoder", student, "--corpus", str(corpus), "--embeddings", str(out)]
    assert encode(words) == 2
    assert "encodes queries only; encode passages with" in capsys.readouterr().err
    for call in (
        lambda: encoder_fingerprint(student, "cpu"),
        lambda: find_teacher(student),
        lambda: export(student, out),
        lambda: load_subject(student),
    ):
        with pytest.raises(UsageError, match="encodes queries only; encode passages with"):
            call()
    for call in (
        lambda: export(str(folders / "both"), out),
        lambda: load_subject(str(folders / "both")),
    ):
        with pytest.raises(UsageError, match="has two towers, .* is its query tower"):
            call()
    assert not out.exists()


def test_encoded_queries_are_for_the_index_of_the_teacher(folders, tmp_path):
    topics, queries = tmp_path / "topics.tsv", tmp_path / "queries.jsonl"
    topics.write_text("1\tthe cat\n2\ta red dog\n")
    words = ["--topics", topics, "--encoder", folders / "student", "--output", queries]
    words = [*map(str, words), "--device", "cpu"]
    assert main(words) == 0
    vectors = [json.loads(line)["vector"] for line in queries.read_text().splitlines()]
    expected = LlmDenseQueryEncoder(str(folders / "student"), device="cpu").encode("a red dog")
    np.testing.assert_allclose(vectors[1], expected, atol=1e-6)
    require_index_of_queries(index_of(folders / "teacher", tmp_path / "index"), queries)
    with pytest.raises(UsageError, match=f"other weights than {folders / 'teacher'}, the teacher"):
        require_index_of_queries(index_of(folders / "other", tmp_path / "index"), queries)
    assert json.loads(record_path(queries).read_text())["teacher"] == str(folders / "teacher")


def test_queries_of_a_student_trained_again_are_not_those_of_the_first(folders, tmp_path, capsys):
    student = write_student(tmp_path / "student", folders / "teacher")
    topics = tmp_path / "topics.tsv"
    topics.write_text("1\tthe cat\n")
    words = ["--topics", topics, "--encoder", student, "--output", tmp_path / "queries.jsonl"]
    words = [*map(str, words), "--device", "cpu"]
    assert main(words) == main(words) == 0
    assert "Everything is in place already." in capsys.readouterr().err
    write_student(student, folders / "teacher", seed=2)
    assert main(words) == 2
    assert "query encoder weights was" in capsys.readouterr().err
