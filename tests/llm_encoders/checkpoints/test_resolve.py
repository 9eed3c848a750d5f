"""Finding files: adapters in every layout, and errors that say what to do."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
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
    folder = parity / f"adapter-{saved_for}"
    edit_adapter(folder, auto_mapping=None)
    own = load_encoder(str(folder), paradigm=paradigm, like="lion")
    tensors = load_file(folder / "adapter_model.safetensors")
    old, new = "base_model.model.model.", "base_model.model."
    if saved_for == "dense":
        old, new = new, old
    renamed = {new + name.removeprefix(old): tensor for name, tensor in tensors.items()}
    save_file(renamed, folder / "adapter_model.safetensors")
    other = load_encoder(str(folder), paradigm=paradigm, like="lion")
    vectors = [e.encode_queries(["a little girl"]) for e in (own, other)]
    if paradigm == "sparse":
        vectors = [v.toarray() for v in vectors]
    np.testing.assert_array_equal(*vectors)
    plain = load_encoder(str(parity / "backbone"), paradigm=paradigm, like="lion").encode_queries(
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


def test_weights_that_pytorch_saved_are_read_without_their_code(parity):
    """``.bin`` files of publishers hold tensors only; anything else in them is not run."""
    folder = parity / "adapter-dense"
    expected = load_encoder(str(folder)).encode_queries(["a text"])
    weights = folder / "adapter_model.safetensors"
    torch.save(
        {name: torch.from_numpy(one) for name, one in load_file(weights).items()},
        folder / "adapter_model.bin",
    )
    weights.unlink()
    assert (load_encoder(str(folder)).encode_queries(["a text"]) == expected).all()
    torch.save({"lora": Path("/")}, folder / "adapter_model.bin")
    with pytest.raises(EncoderError, match="adapter_model.bin is damaged or holds more than"):
        load_encoder(str(folder))
    (folder / "adapter_model.bin").unlink()
    with pytest.raises(EncoderError, match=r"lacks adapter_model.safetensors and adapter_model.b"):
        load_encoder(str(folder))


@pytest.mark.parametrize("paradigm", [None, "sparse", "dense"])
def test_a_checkpoint_that_says_nothing_is_refused_with_a_template(parity, paradigm):
    name = str(parity / "backbone")
    with pytest.raises(UsageError) as caught:
        resolve(name, paradigm)
    message = str(caught.value)
    assert f"Write {name}/encoder_config.json" in message
    assert f"'--encoder {name},paradigm={paradigm or 'sparse'},like=lion'" in message
    template = json.loads(message[message.index("{") : message.index("}") + 1])
    assert {"attention", "pooling", "append_eos", "query_prefix"} < template.keys()
    filled = {
        **EncoderConfig("dense").__dict__,
        "append_eos": True,
        "query_prefix": "query: ",
    }
    for key in template:  # whatever is left as it is, is refused
        left = {**{k: filled[k] for k in template}, key: template[key]}
        with pytest.raises(UsageError, match=key):
            EncoderConfig.from_dict(left, "template")
    (parity / "backbone" / "encoder_config.json").write_text(
        json.dumps({k: filled[k] for k in template})
    )
    assert resolve(name).contract.query_prefix == "query: "


def test_contract_of_lion_by_a_written_option_or_by_the_class(parity):
    plain = str(parity / "backbone")
    assert resolve(plain, "dense", like="lion").contract == EncoderConfig("dense")
    encoder = load_encoder(f"{plain},paradigm=sparse,like=lion")
    assert encoder.config == EncoderConfig("sparse")
    for paradigm in ("sparse", "dense"):
        name = str(parity / f"adapter-{paradigm}")
        assert resolve(name).contract == EncoderConfig(paradigm)
    with pytest.raises(UsageError, match="is a sparse encoder, not a dense one"):
        resolve(str(parity / "adapter-sparse"), "dense")
    with pytest.raises(UsageError, match="is a sparse encoder, not a dense one"):
        resolve(str(parity / "adapter-sparse"), "dense", like="lion")
    with pytest.raises(UsageError, match="like=lion needs paradigm=sparse or paradigm=dense"):
        resolve(plain, like="lion")
    with pytest.raises(UsageError, match="like is 'e5'"):
        resolve(plain, "dense", like="e5")
    with pytest.raises(UsageError, match="paradigm is 'spares'.*Did you mean 'sparse'"):
        resolve(plain, "spares", like="lion")


@pytest.mark.parametrize(
    "mapping",
    [
        None,
        "LlamaBiModel",
        {"base_model_class": "LlamaBiForMNTP"},
        {"base_model_class": "LlamaBiForMNTP", "parent_library": "llm2vec.models"},
        {"base_model_class": "LlamaBiForMNTP", "parent_library": ["scaling_retriever"]},
        {"base_model_class": "LlamaModel", "parent_library": "scaling_retriever.modeling"},
    ],
)
def test_classes_of_others_get_no_contract(parity, mapping):
    edit_adapter(parity / "adapter-sparse", auto_mapping=mapping)
    with pytest.raises(UsageError, match="does not say how it encodes"):
        resolve(str(parity / "adapter-sparse"), "sparse")


def test_written_contract_and_options_must_agree(parity):
    name = str(parity / "backbone")
    EncoderConfig(paradigm="dense").save(name)
    assert resolve(name).contract.paradigm == "dense"
    with pytest.raises(UsageError, match="is a dense encoder, not a sparse one"):
        resolve(name, paradigm="sparse")
    with pytest.raises(UsageError, match="leave out like=lion"):
        resolve(name, "dense", like="lion")
    EncoderConfig(paradigm="dense").save(parity / "adapter-sparse")
    with pytest.raises(UsageError, match="says dense, but .* class of Lion's sparse adapters"):
        resolve(str(parity / "adapter-sparse"))


def test_a_local_folder_wins_over_a_preset_of_its_name(parity, monkeypatch):
    monkeypatch.chdir(parity)
    (parity / "llm-splade-tiny").mkdir()
    assert resolve("llm-splade-tiny").adapter.name == "sparse"  # an empty folder is no checkpoint
    (parity / "llm-splade-tiny").rmdir()
    (parity / "adapter-dense").rename(parity / "llm-splade-tiny")
    assert resolve("llm-splade-tiny").contract == EncoderConfig("dense")
    (parity / "hzeng").mkdir()
    repository = "hzeng/Lion-SP-8B-llama3-marco-mntp"
    (parity / "adapter-sparse").rename(parity / repository)
    edit_adapter(parity / repository, base_model_name_or_path="../../backbone")
    assert resolve(repository).backbone == parity / "backbone"


@pytest.mark.parametrize("name", ["", "  ", ",dtype=float32"])
def test_an_empty_name_is_refused(name):
    with pytest.raises(UsageError, match="empty"):
        load_encoder(name)


def test_names_that_are_no_folders(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")
    with pytest.raises(UsageError, match="is a file; name the folder"):
        resolve(str(file))
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(UsageError, match="There is no folder"):
        resolve(str(loop))
    with pytest.raises(UsageError, match="too long"):
        load_encoder("/" + "x" * 5000)
    with pytest.raises(UsageError, match="no folder"):
        load_encoder(f"{tmp_path}/a\0b")


@pytest.mark.parametrize("value", [{"a": 1}, 3, ["x"], True])
@pytest.mark.parametrize("key", ["base_model_name_or_path", "revision"])
def test_backbone_and_revision_must_be_names(parity, key, value):
    edit_adapter(parity / "adapter-dense", **{key: value})
    with pytest.raises(EncoderError, match=rf"{key} is .*; expected a name"):
        resolve(str(parity / "adapter-dense"))


def test_the_revision_that_an_adapter_names_is_fetched(parity, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download",
        lambda repo, **how: asked.append((repo, how["revision"])) or str(parity / "backbone"),
    )
    edit_adapter(
        parity / "adapter-dense", base_model_name_or_path="meta-llama/Llama-3.2-1B", revision="v2"
    )
    resolve(str(parity / "adapter-dense"))
    assert asked == [("meta-llama/Llama-3.2-1B", "v2")]


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
