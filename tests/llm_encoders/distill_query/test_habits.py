"""Folders, files and teachers as others leave them: another one than it seems, or changed later."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from llm_encoders import EncoderConfig, EncoderError, load_encoder
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.distill_query.command import main
from llm_encoders.distill_query.onnx_export.command import main as export
from llm_encoders.distill_query.queries.reading import read_queries
from tests.llm_encoders.conftest import write_lines
from tests.llm_encoders.distill_query.small import write_teacher
from tests.llm_encoders.distill_query.small_students import write_term_student
from tests.llm_encoders.towers import (
    OTHER_WORDS,
    write_decoder,
    write_student,
    write_tokenizer,
    write_towers,
)

TEXTS = ["the cat sat on the mat", "a red dog", "rain"]


@pytest.fixture
def distil(capsys):
    """Run the command in this process; what it printed."""

    def run(*words, code=0):
        found = main([str(word) for word in words])
        printed = capsys.readouterr()
        assert found == code, printed.out + printed.err
        return printed.out if code == 0 else printed.err

    return run


@pytest.mark.parametrize("what", ["contract", "tokenizer"])
def test_a_teacher_edited_before_a_run_is_resumed(distil, recipe_of, tmp_path, what):
    """Its weights are the same, but the vectors of its queries are not."""
    teacher = write_teacher(tmp_path / "teacher", "dense")
    output = tmp_path / "run"
    recipe = recipe_of(teacher=str(teacher), student={"kind": "lookup"})
    distil(recipe)
    (output / "cost.json").unlink()
    contract = EncoderConfig.load(teacher)
    settings = teacher / "tokenizer_config.json"
    before = settings.read_text()
    if what == "contract":
        dataclasses.replace(contract, query_prefix="cats ").save(teacher)
    else:
        settings.write_text(json.dumps(json.loads(before) | {"truncation_side": "left"}))
    assert "Restore them" in distil(recipe, code=2)
    contract.save(teacher)
    settings.write_text(before)
    assert f"{output}: 4 steps" in distil(recipe)


def test_a_table_that_is_not_trained_knows_what_it_was_made_of(distil, recipe_of, beir):
    corpus = beir / "corpus.jsonl"
    student = {"kind": "lookup", "initial": "idf", "corpus": str(corpus)}
    words = [recipe_of("sparse", student=student, losses={}), "schedule.steps=0"]
    words.append("queries.source=null")
    distil(*words)
    assert "is finished already" in distil(*words)
    write_lines(corpus, [{"_id": "1", "text": "another corpus"}])
    assert "corpus.jsonl has changed" in distil(*words, code=2)


def test_what_marks_a_run_as_finished_comes_last(distil, recipe_of, monkeypatch):
    """A run that is killed before is resumed, not taken for a finished one that lacks files."""
    order, replace = [], Path.replace

    def noted(self, target):
        order.append(target.name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    words = ["schedule.steps=0", "queries.source=null"]
    distil(recipe_of("sparse", student={"kind": "lookup", "initial": "ones"}, losses={}), *words)
    assert order[-2:] == ["encoder_config.json", "cost.json"]


@pytest.fixture
def headed(tmp_path):
    """A sparse query tower whose terms are not the tokens of its tokenizer."""
    write_decoder(tmp_path / "first", EncoderConfig("sparse", logit_scale=30.0))
    return write_term_student(tmp_path / "headed", tmp_path / "first", logit_scale=0.7)


def test_layers_of_a_teacher_with_a_head_over_terms(distil, recipe_of, headed, tmp_path):
    """With all its layers and next to no step, the student is the teacher."""
    recipe = recipe_of(
        "sparse",
        teacher=str(headed),
        student={"kind": "layers", "layers": 2},
        schedule={"steps": 1, "learning_rate": 1e-12},
    )
    distil(recipe)
    one, other = (load_encoder(folder, device="cpu") for folder in (headed, tmp_path / "run"))
    expected = one.encode_queries(TEXTS).toarray()
    assert expected.max() > 0.1
    np.testing.assert_allclose(other.encode_queries(TEXTS).toarray(), expected, atol=1e-5)


@pytest.mark.parametrize("initial", ["teacher", "counts"])
def test_a_table_of_a_teacher_with_a_head_over_terms(distil, recipe_of, headed, initial):
    recipe = recipe_of(
        "sparse", teacher=str(headed), student={"kind": "lookup", "initial": initial}
    )
    said = distil(recipe, code=2)
    assert f"the terms of {headed} are those of its 'vocabulary_head'" in said


@pytest.mark.parametrize(
    ("name", "content", "line", "words"),
    [
        ("a.txt", "1 0 D1 1\n1 0 D2 0\n", 1, "lines of TREC qrels or of a run"),
        ("a.txt", "q Q0 D1 1 9.5 bm25\nq Q0 D2 2 9e-1 bm25\n", 1, "lines of TREC qrels"),
        ("a.jsonl", '{"_id": "1", "text": "a"}\n{"title": "b", "text": "c"}\n', 2, "'title' is"),
    ],
)
def test_judgements_and_documents_are_no_queries(tmp_path, name, content, line, words):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(EncoderError) as caught:
        list(read_queries(str(path)))
    assert f"{path}, line {line}" in str(caught.value) and words in str(caught.value)


def test_a_query_may_look_like_a_judgement(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("bmw 0 to 60\n1984\n")
    assert [text for _, text in read_queries(str(path))] == ["bmw 0 to 60", "1984"]


def test_a_file_of_a_collection_has_its_test_queries(beir, capsys):
    path = beir / "queries.jsonl"
    assert len(list(read_queries(str(path)))) == 9
    assert f"{path} is read whole, the queries of the split test inc" in capsys.readouterr().err


def test_files_of_two_exports(tmp_path, capsys):
    write_decoder(tmp_path / "teacher", EncoderConfig("dense"))
    for seed in (1, 2):
        student = write_student(tmp_path / f"student{seed}", tmp_path / "teacher", seed)
        assert export([str(student), str(tmp_path / f"onnx{seed}")]) == 0
    folder = tmp_path / "onnx1"
    write_tokenizer(tmp_path, OTHER_WORDS)
    for name, other in (("tokenizer.json", tmp_path), ("model.onnx", tmp_path / "onnx2")):
        before = (folder / name).read_bytes()
        shutil.copy(other / name, folder / name)
        with pytest.raises(EncoderError, match=f"{name} is not the file that the export wrote"):
            load_encoder(folder)
        (folder / name).write_bytes(before)
    load_encoder(folder)


def test_a_teacher_beside_a_contract_without_one(tmp_path):
    write_decoder(tmp_path / "teacher", EncoderConfig("dense"))
    student = write_student(tmp_path / "student", tmp_path / "teacher")
    shutil.copy(tmp_path / "teacher" / "encoder_config.json", student)
    with pytest.raises(EncoderError, match="names a teacher .* says passage_encoder 'model'"):
        load_encoder(student, device="cpu")


def test_a_query_tower_of_a_teacher_with_another_contract(tmp_path):
    contract = EncoderConfig("dense")
    write_decoder(tmp_path / "teacher", contract)
    student = write_student(tmp_path / "student", tmp_path / "teacher")
    dataclasses.replace(contract, passage_prefix="a ").save(tmp_path / "teacher")
    both = write_towers(tmp_path / "both", tmp_path / "teacher", student)
    assert Teacher.load(student).weights
    with pytest.raises(EncoderError, match="passage_prefix is '' in the teacher of .* and 'a ' in"):
        load_encoder(both, device="cpu")
