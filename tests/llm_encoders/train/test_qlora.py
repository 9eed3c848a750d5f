"""QLoRA: gradients through 4-bit weights are those through the same weights written out."""

import json

import pytest
import torch
from safetensors.torch import load_file

from llm_encoders import load_encoder
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.config import EncoderConfig
from llm_encoders.encoding.batching import pad
from llm_encoders.train.model import load_model
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.recipe.sections import Adapter
from llm_encoders.train.run import run
from tests.llm_encoders.conftest import BACKBONE, TOPICS

CPU = torch.device("cpu")


def load(quantization):
    torch.manual_seed(0)
    config = EncoderConfig(paradigm="sparse", logit_scale=1.0)
    files = Checkpoint("test", config, BACKBONE, None)
    model = load_model(files, Adapter(dropout=0.0), CPU, torch.float32, quantization)
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.02)
    return model


def write_out(quantized, plain):
    """Give the plain model the values that the quantised weights stand for."""
    from bitsandbytes.functional import dequantize_4bit

    targets = dict(plain.named_modules())
    count = 0
    for name, module in quantized.named_modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if state is not None:
            with torch.no_grad():
                targets[name].weight.copy_(dequantize_4bit(module.weight.data, state))
            count += 1
    assert count > 20
    assert "lm_head" not in {
        name.rsplit(".", 1)[-1]
        for name, module in quantized.named_modules()
        if getattr(getattr(module, "weight", None), "quant_state", None) is not None
    }


def test_gradients_after_an_evaluation():
    quantized, plain = load("4bit"), load(None)
    quantized.eval()
    quantized.encoder("test").encode_queries(["An evaluation between two steps of training."])
    write_out(quantized, plain)
    found = []
    for model in (quantized.train(), plain.train()):
        token_ids = model.encoder("test").document_token_ids(list(TOPICS.values()))
        batch = pad(token_ids, list(range(len(token_ids))), "right")
        vectors = model(batch.token_ids, batch.attention_mask)
        (vectors @ vectors[0].detach()).sum().backward()
        found.append({n: p.grad for n, p in model.named_parameters() if p.requires_grad})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        wanted = found[1][name]
        assert wanted.norm() > 0
        assert (gradient - wanted).norm() <= 1e-3 * wanted.norm(), name


@pytest.mark.slow
def test_a_run_learns_and_its_adapter_fits_the_plain_backbone(recipe_file, tmp_path):
    recipe = recipe_file(
        quantization="4bit",
        schedule={"steps": 14, "queries": 9, "learning_rate": 2e-3},
        regularisation={"queries": 0.0, "passages": 0.0},
    )
    run(load_recipe(recipe))
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").open()]
    losses = [line["loss"] for line in log if "loss" in line]
    assert sum(losses[-4:]) < 0.6 * sum(losses[:4])
    assert load_file(tmp_path / "run" / "adapter_model.safetensors")
    encoder = load_encoder(str(tmp_path / "run"))
    queries = encoder.encode_queries(["why do trains stay on rails", "when do cats hunt"])
    passages = encoder.encode_documents([TOPICS["trains"], TOPICS["cats"]])
    scores = (queries @ passages.T).toarray()
    assert scores.argmax(1).tolist() == [0, 1]
