"""A ``teacher.json`` belongs to the weights that it was written beside."""

import dataclasses
import json
import shutil

import pytest

from llm_encoders import EncoderConfig, EncoderError, load_encoder
from llm_encoders.checkpoints import announcement
from llm_encoders.checkpoints.teacher import Teacher
from tests.llm_encoders.distill_query.small_students import write_bert, write_term_student
from tests.llm_encoders.encoding.lookup.student import make_student
from tests.llm_encoders.towers import CONTRACTS, write_decoder, write_student, write_towers

KINDS = ("bert", "terms", "layers", "lookup")


def bound(folder):
    """What the distillation writes last, for a folder that was written by hand."""
    contract = EncoderConfig.load(folder)
    Teacher.load(folder).save_beside(folder, contract)
    return folder


@pytest.fixture(scope="module")
def students(tmp_path_factory):
    """Of every kind a student, whose teacher has another of the same form beside it."""
    root = tmp_path_factory.mktemp("students")
    for paradigm, contract in CONTRACTS.items():
        for number in (0, 1):
            write_decoder(root / f"{paradigm} teacher {number}", contract, seed=number)
    bound(write_bert(root / "bert", root / "dense teacher 0"))
    bound(write_term_student(root / "terms", root / "sparse teacher 0"))
    bound(write_student(root / "layers", root / "sparse teacher 0"))
    make_student("sparse").write(root / "lookup")
    return root


@pytest.mark.parametrize("kind", KINDS)
def test_that_of_another_tower_is_refused(students, tmp_path, kind):
    folder = shutil.copytree(students / kind, tmp_path / kind)
    own = Teacher.load(folder)
    assert load_encoder(folder, device="cpu").files.teacher == own and own.student is not None
    weights = "0" * 63 + "1"  # of another teacher, and of a student of that
    dataclasses.replace(own, weights=weights, student=weights).save(folder)
    with pytest.raises(EncoderError, match=r"teacher.json belongs to a query tower of other wei"):
        load_encoder(folder, device="cpu")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("bert", "model.safetensors"),
        ("bert", "projection/model.safetensors"),
        ("terms", "vocabulary_head/model.safetensors"),
        ("lookup", "lookup.safetensors"),
    ],
)
def test_so_are_other_weights(students, tmp_path, kind, name):
    """One bit, in whichever file of weights."""
    folder = shutil.copytree(students / kind, tmp_path / kind)
    content = bytearray((folder / name).read_bytes())
    content[-3] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(EncoderError, match="Copy the whole folder that the distillation wrote"):
        load_encoder(folder, device="cpu")


def test_in_a_folder_of_two_towers(students, tmp_path):
    both = write_towers(tmp_path / "both", students / "sparse teacher 0", students / "layers")
    load_encoder(both, device="cpu")
    own = Teacher.load(both / "query")
    dataclasses.replace(own, student="0" * 64).save(both / "query")
    with pytest.raises(EncoderError, match=r"query.teacher.json belongs to a query tower of oth"):
        load_encoder(both, device="cpu")


def test_an_export_has_its_own(students, tmp_path):
    from llm_encoders.distill_query.onnx_export.job import export_onnx

    export_onnx(str(students / "bert"), tmp_path / "onnx")
    own, graph = Teacher.load(students / "bert"), Teacher.load(tmp_path / "onnx")
    assert own == graph and own.student != graph.student
    load_encoder(tmp_path / "onnx")
    own.save(tmp_path / "onnx")
    with pytest.raises(EncoderError, match="belongs to a query tower of other weights"):
        load_encoder(tmp_path / "onnx")


def test_a_file_without_that_key_is_read_and_said(students, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(announcement, "_said", set())
    folder = shutil.copytree(students / "bert", tmp_path / "bert")
    load_encoder(folder, device="cpu")
    assert capsys.readouterr().err == ""
    values = json.loads((folder / "teacher.json").read_text())
    del values["student"]
    (folder / "teacher.json").write_text(json.dumps(values))
    for _ in range(2):
        load_encoder(folder, device="cpu")
    line, *others = capsys.readouterr().err.splitlines()
    assert "teacher.json does not say to which weights it belongs" in line and not others
    values["student"] = "00"
    (folder / "teacher.json").write_text(json.dumps(values))
    with pytest.raises(EncoderError, match="student is '00'; expected a SHA-256 digest"):
        load_encoder(folder, device="cpu")
