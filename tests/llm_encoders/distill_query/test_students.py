"""Students before and after training: what they begin with, and that the folder encodes alike."""

import dataclasses

import numpy as np
import pytest
import torch

from llm_encoders import EncoderConfig, load_encoder
from llm_encoders.distill_query.recipe.recipe import DistillRecipe
from llm_encoders.distill_query.students import STUDENTS
from llm_encoders.distill_query.students.layers import every
from llm_encoders.distill_query.teacher_side import TeacherSide
from llm_encoders.encoding.batching import pad
from llm_encoders.train.recipe.errors import RecipeError
from llm_encoders.train.recipe.file import read_recipe
from tests.llm_encoders.distill_query.small import (
    HIDDEN,
    LAYERS,
    VOCABULARY,
    write_bert,
    write_teacher,
)

TEXTS = ["what do statins do", "cats", "why do trains stay on the rails", "bread bread"]
STUDENT = {
    "first": {"kind": "layers", "layers": 2},
    "every": {"kind": "layers", "layers": 2, "which": "every"},
    "adapted": {"kind": "layers", "layers": 3, "adapter": {"rank": 2}},
    "all": {"kind": "layers", "layers": LAYERS},
    "scratch": {
        "kind": "transformer",
        "size": {"layers": 1, "hidden": 8, "heads": 2, "intermediate": 16},
    },
    "table": {"kind": "lookup"},
    "counted": {"kind": "lookup", "initial": "counts"},
}

BOTH = ("first", "every", "adapted", "scratch", "table")


@pytest.fixture
def build(recipe_of, tmp_path):
    """A student of a teacher of this paradigm, and that teacher."""

    def make(paradigm, student, **changes):
        recipe = read_recipe(DistillRecipe, recipe_of(paradigm, student=student, **changes))
        teacher = TeacherSide(recipe.teacher, "cpu")
        kind = STUDENTS[recipe.student.kind]
        device = torch.device("cpu")
        return kind.build(recipe, teacher, device, torch.float32, tmp_path / "work"), teacher

    return make


def vectors_of(student):
    """As the trainer computes them, in one padded batch."""
    student.eval()
    batch = pad(student.query_token_ids(TEXTS), list(range(len(TEXTS))), "right")
    with torch.no_grad():
        return student(batch.token_ids, batch.attention_mask, batch.unpooled).numpy()


def encoded(folder):
    found = load_encoder(str(folder), device="cpu").encode_queries(TEXTS)
    return found if isinstance(found, np.ndarray) else found.toarray()


@pytest.mark.parametrize(
    ("paradigm", "name"),
    [
        *((paradigm, name) for paradigm in ("dense", "sparse") for name in BOTH),
        ("sparse", "counted"),
    ],
)
def test_the_folder_encodes_as_the_student_did(build, tmp_path, paradigm, name):
    student, teacher = build(paradigm, STUDENT[name])
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():  # as if trained
        for weight in student.trained_weights().values():
            weight += 0.05 * torch.randn(weight.shape, generator=generator)
    expected = vectors_of(student)
    student.write(tmp_path / "student", teacher)
    found = encoded(tmp_path / "student")
    assert np.abs(expected).max() > 0.01
    assert found == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("paradigm", ["dense", "sparse"])
def test_all_layers_are_the_teacher(build, teachers, paradigm):
    student, _ = build(paradigm, STUDENT["all"])
    assert vectors_of(student) == pytest.approx(encoded(teachers[paradigm]), abs=1e-6)


def test_which_layers_are_kept(build, teachers):
    assert every(4, 8) == [0, 2, 4, 6] and every(2, 4) == [0, 2] and every(3, 7) == [0, 2, 4]
    weights = {}
    for name in ("first", "every", "all"):
        student, _ = build("dense", STUDENT[name])
        layers = student.bare.layers
        weights[name] = [layer.mlp.up_proj.weight for layer in layers]
        assert [layer.self_attn.layer_idx for layer in layers] == list(range(len(layers)))
        assert student.bare.config.num_hidden_layers == len(layers)
    for name, numbers in (("first", [0, 1]), ("every", [0, 2])):
        for found, number in zip(weights[name], numbers, strict=True):
            assert torch.equal(found, weights["all"][number])


def test_a_backbone_with_its_own_vocabulary(build, tmp_path):
    bert = write_bert(tmp_path / "bert")
    for paradigm, width in (("dense", HIDDEN), ("sparse", VOCABULARY)):
        student, teacher = build(
            paradigm,
            {"kind": "transformer", "backbone": str(bert)},
            encoder={"query_max_length": 12},
        )
        expected = vectors_of(student)
        assert expected.shape == (len(TEXTS), width)
        student.write(tmp_path / paradigm, teacher)
        assert encoded(tmp_path / paradigm) == pytest.approx(expected, abs=2e-5)
        names = {name.split(".")[0] for name in student.trained_weights()}
        assert names == {
            "language_model",
            *(("projections",) if paradigm == "dense" else ("vocabulary_head", "vocabulary_bias")),
        }


def test_a_table_by_hand(build):
    student, _ = build("sparse", {"kind": "lookup", "initial": "ones", "counts": True})
    (ids,) = student.query_token_ids(["bread bread"])
    found = vectors_of(student)[3]
    expected = np.zeros(VOCABULARY)
    for token in ids:
        expected[token] += 1
    assert (
        found.tolist() == expected.tolist() and found.sum() == len(ids) > found.astype(bool).sum()
    )
    with torch.no_grad():
        student.table[ids[0]] = -1.0
        student.table[0] = 1.0  # of the token that stands in padding
    found = vectors_of(student)
    assert found[3][ids[0]] == 0 and not found[:, 0].any()


@pytest.mark.parametrize("paradigm", ["dense", "sparse"])
def test_what_a_new_student_has_of_the_teachers_contract(build, tmp_path, paradigm):
    """What makes a query text, its length, and what is done with its vector."""
    folder = write_teacher(tmp_path / "teacher", paradigm)
    kept = {"lowercase": True, "strip": "both", "temperature": 0.3}
    kept |= {"normalize": True} if paradigm == "dense" else {"impact_scale": 7.0}
    top_k = None if paradigm == "dense" else 5
    contract = dataclasses.replace(
        EncoderConfig.load(folder), attention="causal", query_max_length=9, **kept
    )
    dataclasses.replace(contract, query_top_k=top_k).save(folder)
    for name, length in (("scratch", 9), ("table", 9 - 1)):  # a table has no BOS
        found = build(paradigm, STUDENT[name], teacher=str(folder))[0].contract
        assert {key: getattr(found, key) for key in kept} == kept
        assert found.query_max_length == length and found.attention == "bidirectional"
        assert found.query_top_k == (top_k if name == "scratch" else None)


def test_the_same_seed_makes_the_same_student(build):
    one, other = (build("dense", STUDENT["scratch"])[0].trained_weights() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)
    third = build("dense", STUDENT["scratch"], schedule={"seed": 9})[0].trained_weights()
    assert any(not torch.equal(one[name], third[name]) for name in one)


@pytest.mark.parametrize(
    ("student", "encoder", "key"),
    [
        ({"kind": "layers", "layers": LAYERS + 1}, {}, "student.layers"),
        (STUDENT["scratch"], {"query_max_length": 600}, "encoder.query_max_length"),
        ({"kind": "lookup", "initial": "counts", "counts": False}, {}, "student.counts"),
    ],
)
def test_what_does_not_fit_the_teacher(build, student, encoder, key):
    with pytest.raises(RecipeError) as caught:
        build("sparse", student, encoder=encoder)
    assert caught.value.key == key
