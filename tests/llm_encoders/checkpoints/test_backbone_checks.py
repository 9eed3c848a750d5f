"""Faults of a backbone and its files are named at load, each in one sentence."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from transformers import AutoTokenizer

from llm_encoders import EncoderConfig, EncoderError, UsageError, load_encoder, registry

BACKBONE = registry.presets()["llm-splade-tiny"].local_folder.parent / "backbone"


@pytest.fixture
def model(tmp_path):
    """A private copy of a whole model with its contract, to be spoilt."""
    folder = tmp_path / "model"
    shutil.copytree(BACKBONE, folder)
    EncoderConfig("dense").save(folder)
    return folder


def change_weights(folder, change):
    path = folder / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path, {"format": "pt"})


def enlarge(weights):
    weights["model.norm.weight"] = np.full_like(weights["model.norm.weight"], 6e4)


def test_states_beyond_float16_are_not_blamed_on_attention(model):
    change_weights(model, enlarge)
    with pytest.raises(EncoderError, match=r"NaN or infinite activations in float16. Try"):
        load_encoder(str(model), device="cpu", dtype="float16")
    assert np.isfinite(load_encoder(str(model), device="cpu").encode_queries(["rain"])).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite(model, value):
    def spoil(weights):
        weights["model.layers.0.self_attn.q_proj.weight"][0, 0] = value

    change_weights(model, spoil)
    with pytest.raises(EncoderError, match=r"layers\.0\.self_attn\.q_proj\.weight holds NaN"):
        load_encoder(str(model), device="cpu")


@pytest.mark.parametrize("paradigm", ["sparse", "dense"])
def test_an_infinite_weight_of_one_token_is_found_in_a_query(model, paradigm):
    EncoderConfig(paradigm).save(model)
    tokenizer = AutoTokenizer.from_pretrained(model)
    rare = tokenizer("rain")["input_ids"][-1]

    def spoil(weights):
        next(w for name, w in weights.items() if "embed_tokens" in name)[rare] = np.inf

    change_weights(model, spoil)
    encoder = load_encoder(str(model), device="cpu")
    with pytest.raises(EncoderError, match=r"text number \d gave NaN or infinite") as caught:
        encoder.encode_queries(["snow", "rain"])
    assert "Try bfloat16" not in str(caught.value)  # it is float32


def test_a_tokenizer_longer_than_the_embeddings(model):
    tokenizer = AutoTokenizer.from_pretrained(model)
    rows = len(tokenizer)
    tokenizer.add_tokens(["⟨new⟩"])
    tokenizer.save_pretrained(model)
    match = rf"the tokenizer has {rows + 1:,} tokens, the embeddings {rows:,} rows"
    with pytest.raises(EncoderError, match=match):
        load_encoder(str(model), device="cpu")


def test_missing_weights_are_named(model):
    change_weights(model, lambda weights: weights.pop("model.layers.0.mlp.up_proj.weight"))
    with pytest.raises(EncoderError, match=r"lacks weights .*layers\.0\.mlp\.up_proj"):
        load_encoder(str(model), device="cpu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"passage_max_length": 1}, "passage_max_length is 1, which leaves no room"),
        ({"query_max_length": 2, "append_eos": True}, "query_max_length is 2, which leaves no"),
        ({"query_prefix": "a long instruction " * 9}, "tokens of the prefix and special tokens"),
    ],
)
def test_a_contract_without_room_for_text(model, changes, message):
    EncoderConfig("dense", **{"query_max_length": 8, **changes}).save(model)
    with pytest.raises(UsageError, match=message):
        load_encoder(str(model), device="cpu")


def test_room_for_one_token_is_enough(model):
    EncoderConfig("dense", query_max_length=2).save(model)
    encoder = load_encoder(str(model), device="cpu")
    assert len(encoder.query_token_ids(["cats hunt"])[0]) == 2
    with pytest.raises(UsageError, match="query_max_length is 2, which leaves no room"):
        encoder.replace_prefix("query", "query ")


DAMAGED = {
    "not UTF-8": b'{"a": "\xff"}',
    "cut off": b'{"a": ',
    "deep": b"[" * 100_000,
    "long integer": b'{"a": ' + b"9" * 5000 + b"}",
    "no object": b"[1]",
    "empty": b"",
}


@pytest.mark.parametrize("content", DAMAGED)
@pytest.mark.parametrize(
    "name", ["encoder_config.json", "config.json", "tokenizer.json", "tokenizer_config.json"]
)
def test_damaged_json_is_one_sentence(model, name, content):
    (model / name).write_bytes(DAMAGED[content])
    with pytest.raises(EncoderError) as caught:
        load_encoder(str(model), device="cpu")
    assert "\n" not in str(caught.value)
    assert str(model) in str(caught.value)


@pytest.mark.parametrize("value", [None, -1, 10**40, float("nan"), "x", [], {"a": 1}])
@pytest.mark.parametrize(
    "key", ["model_type", "hidden_size", "num_hidden_layers", "max_position_embeddings"]
)
def test_wrong_types_in_a_configuration_are_one_sentence(model, key, value):
    path = model / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    try:
        load_encoder(str(model), device="cpu").encode_queries(["rain"])
    except EncoderError as error:
        assert "\n" not in str(error) and len(str(error)) < 600
