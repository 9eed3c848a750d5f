"""No fault is found in good checkpoints, in any number format, whole or with their first layers."""

import pytest

from llm_encoders.checks.examination import CHECKS, examine
from llm_encoders.checks.subject import load_subject
from tests.llm_encoders.checks.checkpoints import (
    GEMMA,
    GENUINE,
    LION,
    LLM2VEC,
    PUBLISHED,
    QWEN,
    SHIPPED,
    SPLADE_CODE,
    faults,
    with_contract,
)


@pytest.mark.parametrize("name", (*PUBLISHED, *SHIPPED, *GENUINE))
def test_no_fault_in_good_ones(miniatures, name):
    assert faults(name) == {}


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_fault_in_bfloat16(miniatures, name):
    assert faults(f"{name},dtype=bfloat16") == {}


@pytest.mark.parametrize("name", (QWEN, GEMMA, LION, LLM2VEC, "llm-splade-tiny", "llm-dense-tiny"))
def test_no_fault_with_the_first_layer(miniatures, name):
    subject = load_subject(name, layers=1)
    assert len(subject.encoder.backbone.decoder.layers) == 1
    found = {finding.check: finding for finding in examine(subject)}
    assert all(finding.cure is None for finding in found.values())
    if subject.contract.paradigm == "sparse":
        assert found["terms a text"].verdict == "not checked"


@pytest.mark.parametrize("name", (QWEN, GEMMA, LLM2VEC, SPLADE_CODE))
def test_no_fault_with_the_contract_written_down(miniatures, tmp_path, name):
    """Also where an adapter lies on another one, which no contract names."""
    assert faults(with_contract(name, tmp_path / name)) == {}


def test_what_cannot_be_known_is_no_fault(miniatures):
    """The same words on both sides, and no file that says whether they should be."""
    prefix = "query_prefix=text: ,passage_prefix=text: "
    found = {f.check: f for f in examine(load_subject(f"{GENUINE[3]},{prefix}"))}
    assert found["prefixes and instruction"].verdict == "not checked"
    assert "the same on both sides" in found["prefixes and instruction"].figure
    assert all(finding.cure is None for finding in found.values())


@pytest.mark.parametrize(
    ("name", "changes"),
    [(QWEN, "instruction=Find code for a question"), (QWEN, "passage_max_length=64,dimension=32")],
)
def test_what_is_left_to_the_user_is_no_fault(miniatures, name, changes):
    assert faults(f"{name},{changes}") == {}


def test_every_check_is_one_line(miniatures):
    lines = [finding.check for finding in examine(load_subject(LION))]
    assert len(set(lines)) == len(lines) == len(CHECKS) - 1  # it is sparse: no normalisation
