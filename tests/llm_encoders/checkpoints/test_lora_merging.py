"""The ordinary adapter is merged without PEFT; every adapter gives what PEFT gives unmerged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

from llm_encoders import EncoderConfig, EncoderError, registry
from llm_encoders.checkpoints.backbone import open_model
from llm_encoders.checkpoints.backbone_checks import head_weight
from llm_encoders.checkpoints.lora_adapter import apply_adapter
from llm_encoders.checkpoints.lora_files import WEIGHTS_NAMES
from llm_encoders.checkpoints.resolve import Checkpoint

TINY = registry.presets()["llm-splade-tiny"].local_folder
IDS = torch.tensor([[1, 5, 9, 33, 40, 2]])
ALL_LINEAR = [f"{letter}_proj" for letter in "qkvo"] + ["gate_proj", "up_proj", "down_proj"]
NO_PEFT = "llm_encoders.checkpoints.lora_adapter.with_peft"


@pytest.fixture
def tiny_adapter(tmp_path):
    """A copy of the tiny adapter, and a function that changes its configuration."""
    save_file(load_file(TINY / WEIGHTS_NAMES[0]), tmp_path / WEIGHTS_NAMES[0])

    def change(**values):
        config = json.loads((TINY / "adapter_config.json").read_text()) | values
        (tmp_path / "adapter_config.json").write_text(json.dumps(config))
        return tmp_path

    return change


def tiny_backbone(dtype=torch.float32):
    return transformers.AutoModelForCausalLM.from_pretrained(TINY.parent / "backbone", dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "values", [{}, {"lora_alpha": 8}, {"use_rslora": True}, {"init_lora_weights": "gaussian"}]
)
def test_ordinary_adapter_equals_peft_merged(tiny_adapter, monkeypatch, dtype, values):
    folder = tiny_adapter(**values)
    plain = tiny_backbone(dtype)
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    wanted = PeftModel.from_pretrained(tiny_backbone(dtype), folder).merge_and_unload().state_dict()
    monkeypatch.setattr(NO_PEFT, None)
    apply_adapter(plain, folder)
    changed = 0
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(value, wanted[name], rtol=0, atol=1e-6, msg=name)
        changed += not value.equal(before[name])
    assert changed == 4 * 7  # layers, linear layers in each


def test_a_tiny_encoder_is_loaded_without_peft():
    code = (
        "import sys, llm_encoders; llm_encoders.load_encoder('llm-splade-tiny')\n"
        "print([name for name in ('peft', 'bitsandbytes') if name in sys.modules])"
    )
    words = [sys.executable, "-c", code]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.fixture(scope="module")
def backbones(tmp_path_factory):
    """Random Llamas of three layers, one with tied embeddings, one without."""
    folders = {}
    for tied in (True, False):
        torch.manual_seed(5)
        config = transformers.LlamaConfig(
            vocab_size=64,
            hidden_size=64,
            intermediate_size=64,
            num_hidden_layers=3,
            num_attention_heads=2,
            max_position_embeddings=32,
            tie_word_embeddings=tied,
        )
        folders[tied] = tmp_path_factory.mktemp("backbone")
        model = transformers.LlamaForCausalLM(config)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
        model.save_pretrained(folders[tied])
    return folders


def opened(folder: Path, kind: str):
    of_kind = {"lm": transformers.AutoModelForCausalLM, "bare": transformers.AutoModel}[kind]
    return of_kind.from_pretrained(folder)


def make_adapter(backbone: Path, kind: str, folder: Path, **settings) -> Path:
    """A random adapter, as PEFT saves one that was trained on this kind of model."""
    torch.manual_seed(7)
    settings = {"r": 4, "lora_alpha": 12, "target_modules": ["q_proj", "v_proj"]} | settings
    model = get_peft_model(opened(backbone, kind), LoraConfig(init_lora_weights=False, **settings))
    for name, parameter in model.named_parameters():
        if "lora_magnitude" in name:
            parameter.data += 0.5 * torch.rand_like(parameter)
    model.save_pretrained(folder, save_embedding_layers=False)
    return folder


@torch.no_grad()
def states_and_logits(model, kind: str):
    """What an encoder uses, computed by the plain Transformers or PEFT modules."""
    bare = model.get_base_model() if hasattr(model, "peft_config") else model
    states = bare.base_model(IDS).last_hidden_state
    return [states, bare.lm_head(states)] if kind == "lm" else [states]


@torch.no_grad()
def ours(model, kind: str):
    bare = model.get_base_model() if hasattr(model, "peft_config") else model
    states = bare.base_model(IDS).last_hidden_state
    # The sparse head multiplies by this weight, not through the layer.
    return [states, states @ head_weight(bare, Path("b")).T] if kind == "lm" else [states]


SETTINGS = {
    "ordinary": {},
    "all linear": {"target_modules": ALL_LINEAR},
    "alpha by name": {"alpha_pattern": {"q_proj": 40}},
    "alpha by full name": {
        "alpha_pattern": {"{w}layers.0.self_attn.q_proj": 64, "{w}layers.1.self_attn.v_proj": 1}
    },
    "rank by full name": {"rank_pattern": {"{w}layers.1.self_attn.q_proj": 2}},
    "rank by expression": {"rank_pattern": {r"{w}layers\.[12]\..*q_proj": 8, "v_proj": 1}},
    "anchored rank and alpha": {
        "rank_pattern": {r"^{w}layers\.0\.self_attn\.q_proj": 7},
        "alpha_pattern": {r"^{w}layers\.2\.self_attn\.q_proj": 70},
    },
    "some layers": {"layers_to_transform": [0, 2]},
    "one layer": {"layers_to_transform": 1, "layers_pattern": "layers"},
    "excluded": {"exclude_modules": ["{w}layers.1.self_attn.q_proj"]},
    "excluded by expression": {"exclude_modules": r"{w}layers\.(0|2)\..*v_proj"},
    "full names": {"target_modules": ["{w}layers.0.self_attn.q_proj", "{w}layers.2.mlp.down_proj"]},
    "expression": {"target_modules": r"{w}layers\.\d\.(self_attn\.k_proj|mlp\.up_proj)"},
    "rslora": {"use_rslora": True, "rank_pattern": {"{w}layers.0.self_attn.q_proj": 9}},
    "dora": {"use_dora": True},
    "dora by full name": {
        "use_dora": True,
        "target_modules": ["{w}layers.0.self_attn.q_proj", "{w}layers.2.self_attn.o_proj"],
    },
    "embeddings": {"target_modules": ["q_proj", "embed_tokens"]},
    "embeddings alone": {"target_modules": ["embed_tokens"]},
}
OF_THE_HEAD = {
    "head": {"target_modules": ["q_proj", "lm_head"]},
    "head alone": {"target_modules": ["lm_head"]},
    "head and embeddings": {"target_modules": ["v_proj", "lm_head", "embed_tokens"]},
    "head in dora": {"target_modules": ["lm_head", "q_proj"], "use_dora": True},
    "head by full name": {
        "target_modules": ["lm_head", "model.layers.0.self_attn.q_proj"],
        "alpha_pattern": {"lm_head": 99},
    },
}


def with_wrapper(settings, wrapper: str):
    """The settings, with full names of the model that was adapted."""
    if isinstance(settings, dict):
        return {with_wrapper(k, wrapper): with_wrapper(v, wrapper) for k, v in settings.items()}
    if isinstance(settings, list):
        return [with_wrapper(value, wrapper) for value in settings]
    return settings.replace("{w}", wrapper) if isinstance(settings, str) else settings


def check_equal(backbone: Path, adapter: Path, trained_on: str, used: tuple[str, ...]) -> None:
    reference = PeftModel.from_pretrained(opened(backbone, trained_on), adapter)
    wanted = states_and_logits(reference, trained_on)
    if trained_on == "bare":
        wanted.append(opened(backbone, "lm").lm_head(wanted[0]).detach())
    plain = states_and_logits(opened(backbone, "lm"), "lm")
    for kind in used:
        for merge in (True, False):
            found = ours(apply_adapter(opened(backbone, kind), adapter, merge=merge), kind)
            for one, other in zip(found, wanted, strict=False):
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert max((a - b).abs().max() for a, b in zip(plain, wanted, strict=True)) > 1e-2


@pytest.mark.parametrize("trained_on", ["lm", "bare"])
@pytest.mark.parametrize("settings", SETTINGS)
def test_equals_unmerged_peft(backbones, tmp_path, settings, trained_on):
    """Merged and apart, with the LM head (sparse) and without (dense)."""
    if settings == "some layers" and trained_on == "bare":
        return  # PEFT finds no layer numbers in names that begin with them
    wrapper = "model." if trained_on == "lm" else ""
    adapter = make_adapter(
        backbones[True], trained_on, tmp_path, **with_wrapper(SETTINGS[settings], wrapper)
    )
    check_equal(backbones[True], adapter, trained_on, ("lm", "bare"))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("settings", OF_THE_HEAD)
def test_adapted_head_equals_unmerged_peft(backbones, tmp_path, settings, tied):
    adapter = make_adapter(backbones[tied], "lm", tmp_path, **OF_THE_HEAD[settings])
    check_equal(backbones[tied], adapter, "lm", ("lm",))
    with pytest.raises(EncoderError, match=r"left over, e\.g\. lm_head"):
        apply_adapter(opened(backbones[tied], "bare"), adapter)


@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
@pytest.mark.parametrize("settings", ["head", "head and embeddings"])
def test_quantised_with_an_adapted_head_equals_unmerged_peft(
    backbones, tmp_path, settings, quantization
):
    adapter = make_adapter(backbones[True], "lm", tmp_path, **OF_THE_HEAD[settings])
    files = Checkpoint("test", EncoderConfig("sparse"), backbones[True], adapter)

    def quantised():
        return open_model(files, torch.device("cpu"), torch.float32, quantization).eval()

    wanted = states_and_logits(PeftModel.from_pretrained(quantised(), adapter), "lm")
    found = ours(apply_adapter(quantised(), adapter, merge=False), "lm")
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_tied_adapters_are_refused(backbones, tmp_path):
    adapter = make_adapter(backbones[True], "lm", tmp_path, **SETTINGS["embeddings"])
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ensure_weight_tying": True}))
    with pytest.raises(EncoderError, match="ensure_weight_tying"):
        apply_adapter(opened(backbones[True], "lm"), adapter)


@pytest.mark.parametrize("used_as", ["lm", "bare"])
def test_an_adapter_of_full_names_that_is_trained_further_is_saved_for_its_new_model(
    backbones, tmp_path, used_as
):
    names = ["model.layers.0.self_attn.q_proj", "model.layers.2.mlp.up_proj"]
    adapter = make_adapter(
        backbones[True],
        "lm",
        tmp_path / "first",
        target_modules=names,
        alpha_pattern={names[1]: 50},
    )
    model = apply_adapter(opened(backbones[True], used_as), adapter, trainable=True)
    model.save_pretrained(tmp_path / "second", save_embedding_layers=False)
    check_equal(backbones[True], tmp_path / "second", used_as, (used_as,))
    assert torch.equal(
        ours(apply_adapter(opened(backbones[True], "bare"), adapter), "bare")[0],
        ours(apply_adapter(opened(backbones[True], "bare"), tmp_path / "second"), "bare")[0],
    )


def test_merged_weights_of_a_tied_backbone_are_saved_untied(backbones, tmp_path):
    adapter = make_adapter(backbones[True], "lm", tmp_path / "a", **OF_THE_HEAD["head"])
    merged = apply_adapter(opened(backbones[True], "lm"), adapter)
    merged.save_pretrained(tmp_path / "whole")
    again = states_and_logits(opened(tmp_path / "whole", "lm"), "lm")
    reference = PeftModel.from_pretrained(opened(backbones[True], "lm"), adapter)
    for one, other in zip(again, states_and_logits(reference, "lm"), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"init_lora_weights": "pissa"}, "init_lora_weights is 'pissa'"),
        ({"lora_bias": True}, "lora_bias is True, which changes the vectors"),
        ({"bias": "all"}, "bias is 'all'"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"layer_replication": [[0, 2]]}, "layer_replication"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices"),
        ({"target_parameters": ["weight"]}, "target_parameters"),
        ({"alora_invocation_tokens": [1]}, "alora_invocation_tokens"),
        ({"use_qalora": True}, "use_qalora"),
        ({"a_key_of_the_future": 1}, "a_key_of_the_future is 1"),
        ({"peft_type": "IA3"}, "only LoRA is supported"),
        ({"peft_type": ["LORA"]}, "only LoRA is supported"),
        ({"target_modules": ["q_proj"]}, "left over"),
        ({"target_modules": "("}, "target_modules is '\\('; expected a list of names"),
        ({"target_modules": None}, "'target_modules' is missing"),
        ({"target_modules": {"q_proj": 1}}, "expected a list of names"),
        ({"target_modules": ["q_proj", 3]}, "expected a list of names"),
        ({"r": 8}, "does not fit the backbone"),
        ({"r": 0}, "expected a whole number of at least 1"),
        ({"r": True}, "expected a whole number"),
        ({"r": "16"}, "expected a whole number"),
        ({"r": 10**400}, "expected a whole number"),
        ({"lora_alpha": float("nan")}, "lora_alpha is nan; expected a number"),
        ({"lora_alpha": 10**400}, "expected a number"),
        ({"lora_alpha": []}, "expected a number"),
        ({"alpha_pattern": {"q_proj": "x"}}, "expected an object of numbers"),
        ({"alpha_pattern": {"(": 1}}, "expected an object of numbers"),
        ({"rank_pattern": []}, "expected an object of ranks"),
        ({"rank_pattern": {"q_proj": 0}}, "expected an object of ranks"),
        ({"layers_to_transform": ["0"]}, "expected a layer's number"),
        ({"use_rslora": "yes"}, "use_rslora is 'yes'; expected true or false"),
        ({"use_dora": 1}, "expected true or false"),
        ({"use_dora": True}, "LoRA tensors absent"),
        ({"exclude_modules": 3}, "exclude_modules is 3"),
        ({"layers_pattern": {"a": 1}}, "layers_pattern"),
    ],
)
def test_what_cannot_be_honoured_is_refused_in_a_sentence(tiny_adapter, values, message):
    with pytest.raises(EncoderError, match=message) as caught:
        apply_adapter(tiny_backbone(), tiny_adapter(**values))
    assert "\n" not in str(caught.value)


def test_damaged_files_are_named(tiny_adapter):
    folder = tiny_adapter()
    (folder / WEIGHTS_NAMES[0]).write_bytes(b"no safetensors")
    with pytest.raises(EncoderError, match=f"Cannot load .*{WEIGHTS_NAMES[0]}"):
        apply_adapter(tiny_backbone(), folder)
    for content in (b"{", b"\xff\xfe", b"[1]", b"[" * 100_000, b'{"r": ' + b"9" * 5000 + b"}"):
        (folder / "adapter_config.json").write_bytes(content)
        with pytest.raises(EncoderError, match=r"adapter_config\.json"):
            apply_adapter(tiny_backbone(), folder)


def test_an_adapter_that_changes_nothing_is_told(tiny_adapter, caplog):
    folder = tiny_adapter()
    apply_adapter(tiny_backbone(), folder)
    assert not caplog.records
    path = folder / WEIGHTS_NAMES[0]
    weights = load_file(path)
    save_file({k: v * ("lora_B" not in k) for k, v in weights.items()}, path)
    apply_adapter(tiny_backbone(), folder)
    assert f"{path}: every lora_B is zero, so the adapter changes nothing" in caplog.text
