"""Merging without PEFT gives what PEFT gives; what is out of the ordinary is left to it."""

import json
import subprocess
import sys

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from llm_encoders import registry
from llm_encoders.checkpoints.adapter import apply_adapter
from llm_encoders.checkpoints.plain_lora import WEIGHTS_NAME, merge_plain_lora

TINY = registry.presets()["llm-splade-tiny"].local_folder


@pytest.fixture
def adapter(tmp_path):
    """A copy of the tiny adapter, and a function that changes its configuration."""
    save_file(load_file(TINY / WEIGHTS_NAME), tmp_path / WEIGHTS_NAME)

    def change(**values):
        config = json.loads((TINY / "adapter_config.json").read_text()) | values
        (tmp_path / "adapter_config.json").write_text(json.dumps(config))
        return tmp_path

    return change


def backbone(dtype=torch.float32):
    return transformers.AutoModelForCausalLM.from_pretrained(TINY.parent / "backbone", dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "values", [{}, {"lora_alpha": 8}, {"use_rslora": True}, {"init_lora_weights": "gaussian"}]
)
def test_equals_peft(adapter, monkeypatch, dtype, values):
    folder = adapter(**values)
    plain = backbone(dtype)
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    assert merge_plain_lora(plain, folder)
    monkeypatch.setattr("llm_encoders.checkpoints.adapter.merge_plain_lora", lambda *_: False)
    wanted = apply_adapter(backbone(dtype), folder).state_dict()
    changed = 0
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(value, wanted[name], rtol=0, atol=1e-6, msg=name)
        changed += not value.equal(before[name])
    assert changed == 4 * 7  # layers, linear layers in each


@pytest.mark.parametrize(
    "values",
    [
        {"use_dora": True},
        {"rank_pattern": {"q_proj": 8}},
        {"init_lora_weights": "pissa"},
        {"target_modules": "all-linear"},
        {"target_modules": ["q_proj"]},
        {"target_modules": ["q_proj", "embed_tokens"]},
        {"bias": "all"},
        {"modules_to_save": ["lm_head"]},
        {"r": 8},
        {"peft_type": "IA3"},
        {"a_key_of_the_future": 1},
    ],
)
def test_what_is_out_of_the_ordinary_is_left_alone(adapter, values):
    model = backbone()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert not merge_plain_lora(model, adapter(**values))
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())


def test_damaged_files_are_left_alone(adapter):
    folder = adapter()
    (folder / WEIGHTS_NAME).write_bytes(b"no safetensors")
    assert not merge_plain_lora(backbone(), folder)
    (folder / "adapter_config.json").write_text("{")
    assert not merge_plain_lora(backbone(), folder)


def test_a_tiny_encoder_is_loaded_without_peft():
    code = (
        "import sys, llm_encoders; llm_encoders.load_encoder('llm-splade-tiny')\n"
        "print([name for name in ('peft', 'bitsandbytes') if name in sys.modules])"
    )
    words = [sys.executable, "-c", code]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "[]\n"
