"""``teacher.json``: whose index a query tower searches, and what files are refused."""

import dataclasses
import hashlib
import json

import pytest

from llm_encoders import EncoderConfig, EncoderError, UsageError, load_encoder
from llm_encoders.checkpoints.fingerprint import checkpoint_fingerprints, weights_digest
from llm_encoders.checkpoints.resolve import resolve
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.checkpoints.two_sides import passage_identity, query_identity
from tests.llm_encoders.towers import CONTRACTS, WORDS, write_decoder, write_student, write_towers


@pytest.fixture(scope="module", params=["sparse", "dense"])
def teacher(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher") / request.param
    return write_decoder(folder, CONTRACTS[request.param])


@pytest.fixture(scope="module")
def student(teacher, tmp_path_factory):
    return write_student(tmp_path_factory.mktemp("student") / "student", teacher)


def test_what_is_written_is_read(teacher, student):
    encoder = load_encoder(teacher, device="cpu")
    read = Teacher.load(student)
    assert read == Teacher.of(encoder)
    assert (read.name, read.contract) == (str(teacher), EncoderConfig.load(teacher))
    sparse = read.contract.paradigm == "sparse"
    assert read.dimension == (None if sparse else 16)
    if sparse:
        terms = ["<unk>", "<s>", *WORDS]
        assert read.vocabulary == hashlib.sha256(json.dumps(terms).encode()).hexdigest()
        assert read.vocabulary_size == len(terms) == 17
    (weights,) = teacher.glob("*.safetensors")
    content = weights.read_bytes()
    size = len(content).to_bytes(8, "big")
    assert read.weights == hashlib.sha256(size + content).hexdigest()
    assert Teacher.of(encoder, "x,dtype=float32").name == "x,dtype=float32"


def test_the_teacher_of_a_student_is_the_teacher_of_its_students(teacher, student):
    loaded = load_encoder(student, device="cpu")
    assert Teacher.of(loaded) == Teacher.load(student)


def test_identities(teacher, student, tmp_path):
    whole, tower = resolve(str(teacher)), resolve(str(student))
    assert passage_identity(tower) == passage_identity(whole)
    assert passage_identity(whole) == (EncoderConfig.load(teacher), weights_digest(whole))
    assert query_identity(whole) is None
    own = query_identity(tower)
    assert own["weights"] == weights_digest(tower) != weights_digest(whole)
    both = resolve(str(write_towers(tmp_path / "both", teacher, student)))
    assert passage_identity(both)[1] == weights_digest(whole)
    assert query_identity(both)["weights"] == weights_digest(tower)


def test_fingerprints_hold_teacher_and_both_towers(teacher, student, tmp_path):
    assert "teacher.json" in checkpoint_fingerprints(resolve(str(student)))["backbone"]
    both = checkpoint_fingerprints(resolve(str(write_towers(tmp_path / "x", teacher, student))))
    assert {"model.safetensors", "teacher.json"} <= both["query tower's backbone"].keys()


def changed(student, tmp_path, **changes):
    """A copy of what matters of a student's folder, with keys of ``teacher.json`` replaced."""
    values = json.loads((student / "teacher.json").read_text()) | changes
    (tmp_path / "teacher.json").write_text(json.dumps(values))
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": " "}, "name is ' '; expected the name of an encoder"),
        ({"weights": "00"}, "weights is '00'; expected a SHA-256 digest"),
        ({"dimension": True}, "dimension is 'True'; expected a number of components"),
        ({"dimension": 0}, "dimension is '0'; expected"),
        ({"vocabulary": 3}, "vocabulary is '3'; expected a SHA-256 digest"),
        ({"contract": 3}, "contract is '3'; expected an encode contract"),
        ({"contract": {"paradigm": "both"}}, "contract: paradigm is 'both'; choose one of"),
        ({"weight": "x"}, "unknown key 'weight'. Did you mean 'weights'?"),
        ({"dimension": None, "vocabulary": None}, "(dimension|vocabulary) of .* is missing"),
        (
            {"contract": {"paradigm": "dense", "passage_encoder": "teacher"}},
            "says passage_encoder 'teacher', so it encodes no passages itself",
        ),
    ],
    ids=str,
)
def test_a_damaged_file(student, tmp_path, changes, problem):
    with pytest.raises(EncoderError, match=problem) as caught:
        Teacher.load(changed(student, tmp_path, **changes))
    assert str(tmp_path / "teacher.json") in str(caught.value)
    assert "distil the query encoder again" in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_file_that_is_no_json(tmp_path):
    (tmp_path / "teacher.json").write_text("{\n1")
    with pytest.raises(EncoderError, match="teacher.json, line 2: not valid JSON"):
        Teacher.load(tmp_path)
    (tmp_path / "teacher.json").write_text('{"name": "x", "weights": "' + "0" * 64 + '"}')
    with pytest.raises(EncoderError, match="the key 'contract' is missing"):
        Teacher.load(tmp_path)


def test_a_student_without_teacher(teacher, tmp_path):
    contract = dataclasses.replace(EncoderConfig.load(teacher), passage_encoder="teacher")
    write_decoder(tmp_path / "student", contract)
    with pytest.raises(EncoderError, match="there is no .*teacher.json. Copy the whole folder"):
        resolve(str(tmp_path / "student"))


def test_a_teacher_of_the_other_paradigm(tmp_path):
    dense = write_decoder(tmp_path / "dense", CONTRACTS["dense"])
    student = write_student(tmp_path / "student", dense)
    dataclasses.replace(CONTRACTS["sparse"], passage_encoder="teacher").save(student)
    with pytest.raises(EncoderError, match="is a sparse encoder, but its teacher .* is a dense"):
        resolve(str(student))
    contract = dataclasses.replace(CONTRACTS["dense"], passage_encoder="teacher", dimension=8)
    contract.save(student)
    with pytest.raises(EncoderError, match="have 8 components, .* teacher .*/dense have 16"):
        resolve(str(student))


@pytest.mark.parametrize("key", ["query_encoder", "passage_encoder"])
def test_what_belongs_to_files_is_no_option(student, key):
    with pytest.raises(UsageError, match=f"'{key}' says which files of a checkpoint encode"):
        resolve(str(student), changes={key: "model"})
    with pytest.raises(UsageError, match="encodes queries only, so 'passage_max_length' would"):
        resolve(str(student), changes={"passage_max_length": 9})
    assert resolve(str(student), changes={"query_max_length": 9}).contract.query_max_length == 9
