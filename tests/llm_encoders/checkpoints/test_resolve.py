"""Finding files: adapters in every layout, and errors that say what to do."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from llm_encoders import EncoderConfig, EncoderError, UsageError, load_encoder
from llm_encoders.checkpoints.resolve import resolve


@pytest.fixture
def parity(shared_data, tmp_path):
    """A private copy, so that a test can spoil it."""
    for name in ("backbone", "adapter-sparse", "adapter-dense"):
        shutil.copytree(shared_data / "parity" / name, tmp_path / name)
    return tmp_path


def edit_adapter(folder, **changes):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_base_path_is_relative_to_the_adapter(parity, monkeypatch):
    monkeypatch.chdir("/")
    files = resolve(str(parity / "adapter-sparse"), paradigm="sparse")
    assert files.backbone == parity / "backbone"


def test_base_path_that_is_nowhere(parity):
    edit_adapter(parity / "adapter-sparse", base_model_name_or_path="/scratch/llama-8b")
    name = str(parity / "adapter-sparse")
    with pytest.raises(EncoderError, match=r"'/scratch/llama-8b' is not there.*backbone=FOLDER"):
        resolve(name, paradigm="sparse")
    assert resolve(name, "sparse", str(parity / "backbone")).backbone == parity / "backbone"
    encoder = load_encoder(f"{name},paradigm=sparse,backbone={parity / 'backbone'}")
    assert encoder.encode_queries(["cat"]).nnz > 0


def test_backbone_that_is_nothing(parity):
    name = str(parity / "adapter-sparse")
    with pytest.raises(UsageError, match="neither a folder nor a Hub id"):
        resolve(name, "sparse", "/no/such/place")
    with pytest.raises(EncoderError, match="neither config.json"):
        resolve(name, "sparse", str(parity))
    with pytest.raises(UsageError, match="takes no 'backbone'"):
        resolve(str(parity / "backbone"), "sparse", str(parity / "backbone"))


@pytest.mark.parametrize("paradigm", ["sparse", "dense"])
@pytest.mark.parametrize("saved_for", ["sparse", "dense"])
def test_either_key_layout_serves_either_paradigm(parity, paradigm, saved_for):
    """Tensor names tell whether the LM or the bare decoder was wrapped; it must not matter."""
    own = load_encoder(str(parity / f"adapter-{saved_for}"), paradigm=paradigm)
    folder = parity / f"adapter-{saved_for}"
    tensors = load_file(folder / "adapter_model.safetensors")
    old, new = "base_model.model.model.", "base_model.model."
    if saved_for == "dense":
        old, new = new, old
    renamed = {new + name.removeprefix(old): tensor for name, tensor in tensors.items()}
    save_file(renamed, folder / "adapter_model.safetensors")
    other = load_encoder(str(folder), paradigm=paradigm)
    vectors = [e.encode_queries(["a little girl"]) for e in (own, other)]
    if paradigm == "sparse":
        vectors = [v.toarray() for v in vectors]
    np.testing.assert_array_equal(*vectors)
    plain = load_encoder(str(parity / "backbone"), paradigm=paradigm).encode_queries(
        ["a little girl"]
    )
    plain = plain.toarray() if paradigm == "sparse" else plain
    assert np.abs(plain - vectors[0]).max() > 1e-3  # the adapter did something


def test_adapter_that_does_not_fit(parity, shared_data):
    folder = parity / "adapter-dense"
    tensors = load_file(folder / "adapter_model.safetensors")
    first = next(iter(tensors))
    save_file(
        {name: tensor for name, tensor in tensors.items() if name != first},
        folder / "adapter_model.safetensors",
    )
    with pytest.raises(EncoderError, match=r"1 LoRA tensors absent, 0 left over"):
        load_encoder(str(folder), paradigm="dense")
    other = str(shared_data / "models" / "babyllama105")
    with pytest.raises(EncoderError, match="does not fit the backbone"):
        load_encoder(str(parity / "adapter-sparse"), paradigm="sparse", backbone=other)


def test_pickled_adapter_is_refused(parity):
    folder = parity / "adapter-dense"
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(EncoderError, match=r"lacks adapter_model.safetensors; pickled"):
        load_encoder(str(folder), paradigm="dense")


def test_paradigm_must_be_known_and_agree(parity):
    name = str(parity / "backbone")
    with pytest.raises(UsageError, match=r"no encoder_config.json.*,paradigm=sparse"):
        resolve(name)
    EncoderConfig(paradigm="dense").save(name)
    assert resolve(name).contract.paradigm == "dense"
    with pytest.raises(UsageError, match="is a dense encoder, not a sparse one"):
        resolve(name, paradigm="sparse")


def test_unknown_names():
    with pytest.raises(
        UsageError, match=r"Unknown encoder 'llm-splad-8b'. Did you mean 'llm-splade-8b'"
    ):
        resolve("llm-splad-8b")
    with pytest.raises(UsageError, match="There is no folder './missing'"):
        resolve("./missing")
    with pytest.raises(EncoderError, match="no sparse 3B checkpoint has been published"):
        resolve("llm-splade-3b")


def test_hub_that_cannot_be_reached(tmp_path, python):
    code = "from llm_encoders import load_encoder; load_encoder('llm-splade-8b')"
    result = python("-c", code, code=1, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    message = result.stderr.strip().splitlines()[-1]
    assert "EncoderError: Cannot get hzeng/Lion-SP-8B-llama3-marco-mntp" in message
    assert f"Tried the local cache {tmp_path}" in message
    assert "--encoder ADAPTER_FOLDER,paradigm=sparse,backbone=BACKBONE_FOLDER" in message


def test_science_package_needs_no_pyserini(python):
    code = (
        "import sys; sys.modules['pyserini'] = sys.modules['jnius'] = None\n"
        "import llm_encoders.encoding.loading, llm_encoders.registry\n"
        "assert 'faiss' not in sys.modules and 'pyserini_ext.java' not in sys.modules"
    )
    python("-c", code)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target_modules": ["c_attn"]}, "does not fit the backbone"),
        ({"peft_type": "NEWEST"}, "peft_type is 'NEWEST'; only LoRA is supported"),
        ({"peft_type": "IA3", "feedforward_modules": []}, "only LoRA is supported"),
    ],
)
def test_unusable_adapters_are_one_sentence(parity, change, message):
    folder = parity / "adapter-dense"
    edit_adapter(folder, **change)
    with pytest.raises(EncoderError, match=message):
        load_encoder(str(folder), paradigm="dense")


def test_broken_adapter_config(parity):
    folder = parity / "adapter-dense"
    (folder / "adapter_config.json").write_text("{")
    with pytest.raises(EncoderError, match="adapter"):
        load_encoder(str(folder), paradigm="dense", backbone=str(parity / "backbone"))


def test_full_weights_in_an_adapter_are_named(parity):
    folder = parity / "adapter-dense"
    tensors = load_file(folder / "adapter_model.safetensors")
    tensors["base_model.model.embed_tokens.weight"] = np.zeros((512, 64), dtype=np.float32)
    save_file(tensors, folder / "adapter_model.safetensors")
    with pytest.raises(EncoderError, match=r"full weights besides LoRA ones, e.g. .*embed_tokens"):
        load_encoder(str(folder), paradigm="dense")
