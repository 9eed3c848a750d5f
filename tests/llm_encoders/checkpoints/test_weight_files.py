"""Weights of whole models as other people save them."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from llm_encoders import EncoderConfig, EncoderError, load_encoder
from llm_encoders.checkpoints.hub import fetch
from tests.llm_encoders.conftest import BACKBONE

TEXTS = ["snow in spring", "rain"]
QUERY = "model.layers.0.self_attn.q_proj"


@pytest.fixture
def model(tmp_path):
    """A whole model, dense and causal."""
    tokenizer = AutoTokenizer.from_pretrained(BACKBONE)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
    )
    torch.manual_seed(0)
    folder = tmp_path / "model"
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    EncoderConfig("dense", attention="causal", pooling="last").save(folder)
    return folder


def change(folder, edit):
    weights = load_file(folder / "model.safetensors")
    save_file(edit(weights), folder / "model.safetensors", metadata={"format": "pt"})


def to_pytorch(folder, shards):
    """Save the weights as PyTorch does, in one file or several with their index."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    if shards == 1:
        torch.save(weights, folder / "pytorch_model.bin")
        return
    names = sorted(weights)
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    places = {}
    for number, half in enumerate(halves, 1):
        file = f"pytorch_model-{number:05}-of-00002.bin"
        torch.save({name: weights[name] for name in half}, folder / file)
        places |= dict.fromkeys(half, file)
    index = {"metadata": {"total_size": 1}, "weight_map": places}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index), encoding="utf-8")


@pytest.mark.parametrize("shards", [1, 2])
def test_weights_that_pytorch_saved(model, shards):
    wanted = load_encoder(str(model), device="cpu").encode_queries(TEXTS)
    to_pytorch(model, shards)
    assert (load_encoder(str(model), device="cpu").encode_queries(TEXTS) == wanted).all()
    if shards == 2:
        (model / "pytorch_model-00002-of-00002.bin").unlink()
        with pytest.raises(EncoderError, match="Cannot load .*pytorch_model-00002-of-00002.bin"):
            load_encoder(str(model), device="cpu")


class _Code:
    def __reduce__(self):
        return (print, ("executed",))


def test_a_pickle_with_code_is_not_executed(model, capsys):
    (model / "model.safetensors").unlink()
    torch.save({"model.norm.weight": _Code()}, model / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="Cannot load"):
        load_encoder(str(model), device="cpu")
    assert "executed" not in capsys.readouterr().out


def test_they_are_fetched_where_there_is_nothing_else(hub, model):
    (hub / "org").mkdir()
    model.rename(hub / "org" / "me")
    to_pytorch(hub / "org" / "me", 2)
    assert len(list(fetch("org/me", "test", "").glob("pytorch_model-*.bin"))) == 2


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([f"{QUERY}.lora_A.default.weight"], "hold an adapter that is not merged .*merge_and_unl"),
        ([f"{QUERY}.bias"], r"q_proj.bias, which config.json has no place for"),
        (["score.weight", "model.layers.5.mlp.up_proj.weight"], None),
    ],
)
def test_weights_that_would_be_left_out(model, names, message):
    change(model, lambda weights: weights | {name: torch.ones(16) for name in names})
    if message is None:
        assert load_encoder(str(model), device="cpu")
        return
    with pytest.raises(EncoderError, match=message):
        load_encoder(str(model), device="cpu")


def test_weights_under_other_names(model):
    change(model, lambda weights: {f"module.{name}": value for name, value in weights.items()})
    with pytest.raises(EncoderError, match="lacks weights .* They hold module.*; save the model"):
        load_encoder(str(model), device="cpu")
