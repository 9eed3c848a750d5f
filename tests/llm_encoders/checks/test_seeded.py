"""Silent faults seeded into good checkpoints are found, by the check that is meant to."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from llm_encoders import EncoderConfig, EncoderError, load_encoder, registry
from llm_encoders.checkpoints.backbone import Backbone
from llm_encoders.checkpoints.resolve import resolve
from llm_encoders.checks import sparsity
from tests.llm_encoders.checks.checkpoints import (
    E5,
    GEMMA,
    LION,
    LLM2VEC,
    QWEN,
    REPLLAMA,
    changed_settings,
    changed_weights,
    copied,
    faults,
    with_contract,
)

REPLLAMA_LIKE = f"{REPLLAMA},like={REPLLAMA}"
ENDING = "end of text"


def cure(found, check):
    return found[check].cure


@pytest.mark.parametrize(
    ("name", "folder", "changes", "source"),
    [
        (E5, "o/mine", {"append_eos": False}, "tokenizer_config.json"),
        (E5, E5, {"append_eos": False}, "preset e5-mistral-7b"),
        (REPLLAMA_LIKE, REPLLAMA, {"append_eos": False}, "preset repllama-v1-7b"),
        (QWEN, "o/mine", {"special_tokens": False}, "layout of sentence-transformers"),
        (LLM2VEC, "o/mine", {"passage_suffix": ""}, "adapter_config.json"),
    ],
)
def test_eos_dropped(miniatures, tmp_path, name, folder, changes, source):
    found = faults(with_contract(name, tmp_path / folder, **changes))
    assert source in cure(found, ENDING)


def test_eos_twice(miniatures, tmp_path):
    """Qwen's tokenizer appends another token than the one it calls EOS."""
    found = faults(with_contract(QWEN, tmp_path / QWEN, append_eos=True))
    assert "<|endoftext|><|im_end|>" in found[ENDING].figure


def test_eos_that_only_the_tokenizer_asks_for(miniatures, tmp_path):
    """A folder that no layout and no preset knows."""
    folder = copied(miniatures / "meta-llama" / "Llama-2-7b-hf", tmp_path / "mine")
    changed_settings(folder, add_eos_token=True)
    EncoderConfig("dense", attention="causal", pooling="last").save(folder)
    assert cure(faults(folder), ENDING) == "Set append_eos of the contract to true."


@pytest.mark.parametrize("name", ["llm-splade-tiny", "llm-dense-tiny", LION, REPLLAMA_LIKE])
def test_adapter_without_effect(miniatures, tmp_path, name):
    """As where keys do not match and a library leaves PEFT's initial zeros in place."""
    folder = with_contract(name, tmp_path / "o" / "adapter")
    for part in folder.glob("adapter_model.*"):
        if part.suffix == ".safetensors":
            changed_weights(part, lambda key, tensor: tensor * ("lora_B" not in key))
        else:
            tensors = torch.load(part, weights_only=True)
            torch.save({k: t * ("lora_B" not in k) for k, t in tensors.items()}, part)
    backbone = f",backbone={tiny_backbone()}" if name.startswith("llm-") else ""
    found = faults(f"{folder}{backbone}")
    assert "changes nothing" in cure(found, "adapter is effective")
    assert "0 of " in found["adapter is effective"].figure


def tiny_backbone():
    return registry.presets()["llm-splade-tiny"].local_folder.parent / "backbone"


def test_adapter_with_other_keys_does_not_load(miniatures, tmp_path):
    folder = with_contract(LION, tmp_path / LION)
    path = folder / "adapter_model.safetensors"
    tensors = {key.replace(".layers.", ".blocks."): t for key, t in load_file(path).items()}
    save_file(tensors, path)
    with pytest.raises(EncoderError, match="does not fit the backbone"):
        faults(folder)


@pytest.mark.parametrize("name", [QWEN, GEMMA, LION, LLM2VEC, "llm-splade-tiny", "llm-dense-tiny"])
def test_mask_ignored(miniatures, monkeypatch, name):
    plain = Backbone.hidden_states
    monkeypatch.setattr(
        Backbone, "hidden_states", lambda self, ids, mask: plain(self, ids, torch.ones_like(mask))
    )
    assert list(faults(name)) == ["batch and padding"]


def test_bos_pooled_against_the_contract(miniatures, tmp_path):
    """The tokenizer does not know what BOS is, and still puts it before every text."""
    folder = with_contract(LION, tmp_path / "o" / "mine", pool_bos=False)
    changed_settings(folder, bos_token=None)
    found = faults(f"{folder},backbone={miniatures / 'meta-llama' / 'Llama-3.2-1B'}")
    assert "is pooled" in found["BOS in the pool"].figure
    assert "bos_token is None" in cure(found, "BOS in the pool")


@pytest.mark.parametrize(
    ("name", "changes"),
    [(LION, {"pool_bos": False}), (LLM2VEC, {"passage_pool_prefix": True})],
)
def test_bos_pooled_against_the_publisher(miniatures, tmp_path, name, changes):
    found = faults(with_contract(name, tmp_path / name, **changes))
    assert "the publisher" in found["BOS in the pool"].figure


@pytest.mark.parametrize("name", [QWEN, E5, LLM2VEC])
def test_instruction_on_both_sides(miniatures, tmp_path, name):
    prefix = resolve(name).contract.query_prefix
    found = faults(with_contract(name, tmp_path / name, passage_prefix=prefix))
    assert list(found) == ["prefixes and instruction"]
    assert "Set passage_prefix of the contract to" in found["prefixes and instruction"].cure


@pytest.mark.parametrize(
    "changes",
    [
        {"query_prefix": "", "instruction": None},
        {"query_prefix": "Instruct: {instruction}\nQuery: "},  # a blank too many
    ],
)
def test_instruction_absent_or_in_another_form(miniatures, tmp_path, changes):
    found = faults(with_contract(QWEN, tmp_path / QWEN, **changes))
    assert "Set query_prefix" in cure(found, "prefixes and instruction")


def test_first_token_pooling_of_a_causal_model(miniatures, tmp_path):
    """Nothing but the vectors tells it: no file says how this folder encodes."""
    folder = copied(miniatures.parent / "models" / "stories260k", tmp_path / "mine")
    EncoderConfig("dense", attention="causal", pooling="cls").save(folder)
    found = faults(folder)
    assert list(found) == ["every text its own vector"]
    assert "another pooling" in found["every text its own vector"].cure


def test_first_token_pooling_without_bos(miniatures, tmp_path):
    """Texts then differ by their first token, as far as theirs do."""
    found = faults(with_contract(QWEN, tmp_path / "o" / "mine", pooling="cls"))
    assert "every text its own vector" in found and "publisher's contract" in found


@pytest.mark.parametrize("name", [GEMMA, LLM2VEC])
def test_first_token_pooling_of_a_bidirectional_model(miniatures, tmp_path, name):
    found = faults(with_contract(name, tmp_path / name, pooling="cls"))
    assert "pooling to 'mean'" in cure(found, "publisher's contract")


def test_files_of_a_publisher_that_were_changed(miniatures, tmp_path):
    """The preset of the repository knows better."""
    folder = copied(miniatures / QWEN, tmp_path / QWEN)
    path = folder / "1_Pooling" / "config.json"
    path.write_text('{"pooling_mode": "mean"}')
    assert load_encoder(str(folder)).config.pooling == "mean"
    assert "preset qwen3-embedding-0.6b" in cure(faults(folder), "publisher's contract")


@pytest.mark.parametrize("name", [E5, QWEN])
def test_lions_contract_on_others(miniatures, tmp_path, name):
    folder = copied(miniatures / name, tmp_path / name)
    EncoderConfig("dense").save(folder)
    assert {
        *("prefixes and instruction", "publisher's contract", "attention", "normalisation")
    } <= faults(folder).keys()


def test_sink_at_position_0(miniatures, tmp_path):
    """A head that points to the state of BOS, which no text changes under causal attention."""
    folder = copied(miniatures.parent / "models" / "stories260k", tmp_path / "mine")
    contract = EncoderConfig("sparse", attention="causal")
    contract.save(folder)
    encoder = load_encoder(str(folder))
    bos = torch.tensor([[encoder.backbone.tokenizer.bos_token_id]])
    state = encoder.backbone.hidden_states(bos, torch.ones_like(bos))[0, 0]
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.config.tie_word_embeddings = False
    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach() + 3 * state / state.norm())
    model.save_pretrained(folder)
    assert "pool_bos" in cure(faults(folder), "no sink at position 0")
    assert faults(f"{folder},pool_bos=false") == {}


def test_nan_in_half_precision(miniatures, tmp_path):
    """Weights that exceed the range of float16; a layer's size is undone by the next norm."""
    folder = copied(miniatures / QWEN, tmp_path / QWEN)

    def change(key, tensor):
        return tensor * 1e7 if key.endswith("mlp.down_proj.weight") else tensor

    changed_weights(folder / "model.safetensors", change)
    found = faults(folder)
    assert list(found) == ["half precision, float16"]
    assert found["half precision, float16"].figure == "NaN or infinite activations"
    assert faults(f"{folder},dtype=bfloat16") == {}


def test_tokenizer_of_another_model(miniatures, tmp_path):
    """Fewer tokens than embeddings, so that every id has one."""
    folder = copied(miniatures / LION, tmp_path / LION)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(miniatures.parent / "models" / "stories260k" / name, folder / name)
    assert "Use the tokenizer that belongs to" in cure(faults(folder), "tokenizer fits")


def test_not_normalised(miniatures, tmp_path):
    found = faults(with_contract(E5, tmp_path / E5, normalize=False))
    assert "Set normalize of the contract to true" in cure(found, "normalisation")


def test_attention_of_the_other_kind(miniatures, tmp_path):
    found = faults(with_contract(QWEN, tmp_path / "o" / "mine", attention="bidirectional"))
    assert "'causal', as config.json" in cure(found, "attention")


def test_a_vocabulary_of_terms(monkeypatch):
    assert "terms a text" not in faults("llm-splade-tiny")
    monkeypatch.setattr(sparsity, "_MOST", 100)  # as if it had 100 times as many terms
    assert "not trained to be sparse" in cure(faults("llm-splade-tiny"), "terms a text")
