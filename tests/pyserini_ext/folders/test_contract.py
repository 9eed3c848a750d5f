"""The contract that moves with an index: what may differ on the side of the queries."""

import dataclasses
import json

import pytest

from llm_encoders import EncoderConfig, EncoderError, UsageError
from pyserini_ext.folders.contract import (
    CONTRACT_NAME,
    differences,
    encoder_of_vectors,
    require_same_contract,
    write_contract,
)
from pyserini_ext.folders.state import manifest_path

DENSE = EncoderConfig("dense", instruction="Find it", query_prefix="{instruction}: ")
SPARSE = EncoderConfig("sparse")
NAMES = ("the index", "the encoder")


def changed(contract, **changes):
    return dataclasses.replace(contract, **changes)


@pytest.mark.parametrize(
    ("contract", "changes"),
    [
        *((contract, {"attention": "causal"}) for contract in (DENSE, SPARSE)),
        *((contract, {"passage_max_length": 512}) for contract in (DENSE, SPARSE)),
        *((contract, {"passage_prefix": "passage: "}) for contract in (DENSE, SPARSE)),
        *((contract, {"pool_bos": False}) for contract in (DENSE, SPARSE)),
        (DENSE, {"append_eos": True}),
        (DENSE, {"special_tokens": False}),
        (DENSE, {"lowercase": True}),
        (DENSE, {"pooling": "last"}),
        (DENSE, {"projections": ("2_Dense",)}),
        (DENSE, {"dimension": 32}),
        (DENSE, {"normalize": True}),
        (DENSE, {"passage_template": "{title}: {text}"}),
        (SPARSE, {"logit_scale": 1.0}),
        (SPARSE, {"passage_top_k": 512}),
    ],
    ids=str,
)
def test_what_makes_vectors_incomparable(contract, changes):
    (key,) = changes
    found = differences(contract, changed(contract, **changes), NAMES)
    assert found.startswith(f"{key} is ") and " in the encoder" in found and ";" not in found


@pytest.mark.parametrize(
    ("contract", "changes"),
    [
        (DENSE, {"query_prefix": "{instruction}\n"}),
        (DENSE, {"instruction": "Find something else"}),
        (DENSE, {"query_max_length": 512, "query_suffix": "x", "query_pool_prefix": False}),
        (DENSE, {"temperature": 1.0}),
        (DENSE, {"logit_scale": 1.0, "passage_top_k": 9}),
        (SPARSE, {"query_top_k": 9}),
        (SPARSE, {"impact_scale": 10.0}),
        (SPARSE, {"pooling": "last", "normalize": True}),
    ],
    ids=str,
)
def test_what_may_differ(contract, changes):
    assert differences(contract, changed(contract, **changes), NAMES) == ""


def test_an_instruction_before_passages_counts():
    both = changed(DENSE, passage_prefix="{instruction}: ")
    found = differences(both, changed(both, instruction="Find"), NAMES)
    assert found == "passage_prefix is 'Find it: ' in the index and 'Find: ' in the encoder"


def test_an_index_and_the_encoder_of_its_queries(tmp_path):
    require_same_contract(tmp_path, "another", SPARSE)  # no record: searched as ever
    write_contract(tmp_path, {"name": "mine", "contract": dataclasses.asdict(DENSE)})
    require_same_contract(tmp_path, "mine", changed(DENSE, query_max_length=8))
    with pytest.raises(UsageError, match="was made by mine .*: pooling is 'mean-of-normalised' in"):
        require_same_contract(tmp_path, "another", changed(DENSE, pooling="last"))
    with pytest.raises(UsageError, match="paradigm is 'dense' in the index and 'sparse' in the"):
        require_same_contract(tmp_path, "another", SPARSE)


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"contract": 1}', '{"contract": {"paradigm": "dense", "new": 1}}']
)
def test_a_record_that_cannot_be_read(tmp_path, text):
    path = tmp_path / CONTRACT_NAME
    path.write_text(text)
    with pytest.raises(EncoderError, match=f"{path}.*; or remove {path}"):
        require_same_contract(tmp_path, "another", SPARSE)


def test_vectors_have_the_encoder_that_wrote_all_of_them(tmp_path):
    folder = tmp_path / "vectors"
    path = manifest_path(folder)
    path.parent.mkdir()
    files = [folder / "a.jsonl", folder / "b.jsonl"]
    assert encoder_of_vectors(files) is None
    parts = {"0": {"file": "a.jsonl"}}
    encoder = {"name": "mine", "contract": dataclasses.asdict(DENSE)}
    path.write_text(json.dumps({"parts": parts, "encoder": encoder}))
    assert encoder_of_vectors(files) is None
    found = encoder_of_vectors(files[:1])
    assert found is not None and EncoderConfig.from_dict(found["contract"], "x") == DENSE
    path.write_text(json.dumps({"parts": parts}))
    assert encoder_of_vectors(files[:1]) is None
