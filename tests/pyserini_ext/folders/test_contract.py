"""The contract that moves with an index: what may differ on the side of the queries."""

import dataclasses
import json

import pytest

from llm_encoders import EncoderConfig, EncoderError, UsageError
from llm_encoders.checkpoints.comparison import differences
from llm_encoders.checkpoints.fingerprint import weights_digest
from llm_encoders.checkpoints.resolve import Checkpoint
from pyserini_ext.folders.contract import (
    CONTRACT_NAME,
    carry_contract,
    encoder_of_vectors,
    require_same_encoder,
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
    require_same_encoder(tmp_path, "another", SPARSE)  # no record: searched as ever
    write_contract(tmp_path, {"name": "mine", "contract": dataclasses.asdict(DENSE)})
    require_same_encoder(tmp_path, "mine", changed(DENSE, query_max_length=8))
    with pytest.raises(UsageError, match="was made by mine .*: pooling is 'mean-of-normalised' in"):
        require_same_encoder(tmp_path, "another", changed(DENSE, pooling="last"))
    with pytest.raises(UsageError, match="paradigm is 'dense' in the index and 'sparse' in the"):
        require_same_encoder(tmp_path, "another", SPARSE)


def model_files(folder, weights, adapter=None):
    """A checkpoint of files with these bytes in place of weights."""
    for name, content in (("base", weights), ("adapter", adapter)):
        if content is not None:
            (folder / name).mkdir(parents=True)
            file = "model.safetensors" if name == "base" else "adapter_model.bin"
            (folder / name / file).write_bytes(content)
    return Checkpoint("x", DENSE, folder / "base", folder / "adapter" if adapter else None)


def test_an_index_of_another_model_under_the_same_contract(tmp_path):
    files = model_files(tmp_path / "one", b"weights", b"low rank")
    record = {"name": "mine", "contract": dataclasses.asdict(DENSE)}
    write_contract(tmp_path, record | {"weights": weights_digest(files)})
    moved = model_files(tmp_path / "elsewhere", b"weights", b"low rank")
    require_same_encoder(tmp_path, "moved", DENSE, moved)
    require_same_encoder(tmp_path, "not loaded from files", DENSE)
    for name, content in (("trained further", b"low RANK"), ("without adapter", None)):
        other = model_files(tmp_path / name, b"weights", content)
        with pytest.raises(UsageError, match=f"made by mine with other weights than {name} has"):
            require_same_encoder(tmp_path, name, DENSE, other)
    write_contract(tmp_path, record)  # of an older version
    require_same_encoder(tmp_path, "other", DENSE, other)


def test_a_digest_of_large_weights_takes_samples_of_all_of_them(tmp_path):
    content = bytearray(6 << 20)
    digests = {weights_digest(model_files(tmp_path / "a", content))}
    for number, place in enumerate((0, 3 << 20, len(content) - 1)):
        changed_bytes = content.copy()
        # Every block of 64 KiB around holds some of the 256 samples.
        changed_bytes[max(0, place - (1 << 15)) : place + (1 << 15)] = b"\1" * (
            min(len(content), place + (1 << 15)) - max(0, place - (1 << 15))
        )
        digests.add(weights_digest(model_files(tmp_path / str(number), changed_bytes)))
    digests.add(weights_digest(model_files(tmp_path / "longer", content + b"\0")))
    assert len(digests) == 5


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"contract": 1}', '{"contract": {"paradigm": "dense", "new": 1}}']
)
def test_a_record_that_cannot_be_read(tmp_path, text):
    path = tmp_path / CONTRACT_NAME
    path.write_text(text)
    with pytest.raises(EncoderError, match=f"{path}.*; or remove {path}"):
        require_same_encoder(tmp_path, "another", SPARSE)


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


def test_the_record_goes_with_vectors_into_an_index_of_another_command(tmp_path):
    vectors, index = tmp_path / "vectors", tmp_path / "index"
    vectors.mkdir()
    (vectors / "a.jsonl").write_text("{}")
    carry_contract(vectors, index)
    assert not index.exists()
    index.mkdir()
    (index / CONTRACT_NAME).write_text("{}")  # of the index that stood there before
    carry_contract(vectors, index)
    assert not (index / CONTRACT_NAME).exists()
    path = manifest_path(vectors)
    path.parent.mkdir()
    encoder = {"name": "mine", "contract": dataclasses.asdict(DENSE)}
    path.write_text(json.dumps({"parts": {"0": {"file": "a.jsonl"}}, "encoder": encoder}))
    carry_contract(vectors, index)
    with pytest.raises(UsageError, match="was made by mine"):
        require_same_encoder(index, "another", SPARSE)
    other = tmp_path / "hnsw"
    other.mkdir()
    carry_contract(index, other)
    assert (other / CONTRACT_NAME).read_text() == (index / CONTRACT_NAME).read_text()
