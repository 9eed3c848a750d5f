"""Checkpoints that cannot be loaded: one sentence that names the file and what to do."""

import json
import re
import shutil
from pathlib import Path

import pytest

from llm_encoders import EncoderError, load_encoder, registry

QWEN = "Qwen/Qwen3-Embedding-0.6B"
GEMMA = "google/embeddinggemma-300m"
E5 = "intfloat/e5-mistral-7b-instruct"
SPLADE = "naver/splade-code-06B"
REPLLAMA = "castorini/repllama-v1-7b-lora-passage"
LLM2VEC = "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp"
OPTIONS = {"--encoder", "--encoder-class", "--local-dir"}
"""What a message may propose; the last is of ``hf download``."""


def edit(path: Path, change) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    changed = change(values)
    path.write_text(json.dumps(values if changed is None else changed), encoding="utf-8")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def swap(one: Path, other: Path) -> None:
    one.rename(one.with_name("aside"))
    other.rename(one)
    one.with_name("aside").rename(other)


def module(kind: str):
    def change(modules):
        modules[1]["type"] = f"sentence_transformers.models.{kind}"

    return change


WRONG = {
    "weights cut short": (
        QWEN,
        lambda f: cut(f / "model.safetensors"),
        "Cannot load .*Qwen3-Embedding-0.6B/model.safetensors: .*fetch it again",
    ),
    "a shard is absent": (
        E5,
        lambda f: (f / "model-00002-of-00002.safetensors").unlink(),
        "Cannot load .*e5-mistral.*model-00002-of-00002",
    ),
    "no tokenizer": (
        QWEN,
        lambda f: [(f / n).unlink() for n in ("tokenizer.json", "vocab.json", "merges.txt")],
        "Qwen3-Embedding-0.6B has no tokenizer .*fetch its files",
    ),
    "an unknown module": (
        QWEN,
        lambda f: edit(f / "modules.json", module("WordWeights")),
        "modules.json: the modules are Transformer, WordWeights, Normalize; .*Supported are",
    ),
    "a pooling that no contract has": (
        QWEN,
        lambda f: edit(
            f / "1_Pooling" / "config.json",
            lambda values: {"pooling_mode": "mean_sqrt_len_tokens"},
        ),
        "1_Pooling/config.json: the pooling mean_sqrt_len_tokens is not supported",
    ),
    "Dense without weights": (
        GEMMA,
        lambda f: (f / "3_Dense" / "model.safetensors").unlink(),
        "3_Dense/model.safetensors is absent; fetch the folder 3_Dense",
    ),
    "a Dense folder that was not fetched": (
        GEMMA,
        lambda f: shutil.rmtree(f / "3_Dense"),
        "3_Dense/config.json is absent; fetch the folder 3_Dense",
    ),
    "Dense folders in another order": (
        GEMMA,
        lambda f: swap(f / "2_Dense", f / "3_Dense"),
        "2_Dense takes 256 values, .* gives 64; fetch the layers again",
    ),
    "a damaged tokenizer": (
        QWEN,
        lambda f: (f / "tokenizer.json").write_text("{}"),
        "Cannot load the tokenizer of .*Qwen3-Embedding-0.6B: .* Fetch tokenizer.json",
    ),
    "an activation of somebody's": (
        GEMMA,
        lambda f: edit(
            f / "2_Dense" / "config.json", lambda v: v.update(activation_function="os.system")
        ),
        "2_Dense/config.json: activation_function is 'os.system'; only classes of torch.nn",
    ),
    "code of its own": (
        SPLADE,
        lambda f: edit(
            f / "config.json", lambda v: v.update(auto_map={"AutoModel": "modeling_x.Latent"})
        ),
        r"config.json: the model runs code of its own \(modeling_x.Latent\).*Use a checkpoint",
    ),
    "a configuration of other sizes": (
        QWEN,
        lambda f: edit(f / "config.json", lambda v: v.update(vocab_size=100)),
        "Cannot load .*: its weights have other sizes than config.json says. Fetch both again",
    ),
    "an architecture that nobody knows": (
        QWEN,
        lambda f: edit(f / "config.json", lambda v: v.update(model_type="mine")),
        "config.json: model_type is 'mine', which Transformers .* Install a newer version",
    ),
    "prompts for nobody knows what": (
        QWEN,
        lambda f: edit(
            f / "config_sentence_transformers.json", lambda v: v.update(prompts={"s2s": "Find: "})
        ),
        "config_sentence_transformers.json: it is not known which of the prompts.*Add 'query'",
    ),
    "files that are no JSON": (
        GEMMA,
        lambda f: (f / "modules.json").write_text("[{"),
        "modules.json, line 1: not valid JSON",
    ),
    "an adapter of another base": (
        REPLLAMA,
        lambda f: None,
        r"adapter_model.bin does not fit the backbone.*Is it the right backbone\?",
    ),
    "no adapter below": (
        f"{LLM2VEC}-supervised",
        lambda f: None,
        f"Cannot get {LLM2VEC} .*Put it beside the checkpoint, as a folder {LLM2VEC}",
    ),
    "another paradigm": (
        QWEN,
        lambda f: None,
        r"is a dense encoder, not a sparse one \(.*1_Pooling/config.json says so\). Leave",
    ),
}
BACKBONES = {
    REPLLAMA: registry.presets()["llm-splade-tiny"].local_folder.parent / "backbone",
    f"{LLM2VEC}-supervised": "meta-llama/Meta-Llama-3-8B-Instruct",
}


@pytest.mark.parametrize("fault", WRONG)
def test_one_sentence_that_names_the_file_and_the_cure(shared_data, tmp_path, fault):
    name, spoil, expected = WRONG[fault]
    source, folder = shared_data / "checkpoints", tmp_path / name
    shutil.copytree(source / name, folder)
    spoil(folder)
    options = {"paradigm": "sparse"} if fault == "another paradigm" else {}
    if name in BACKBONES:
        options["backbone"] = str(source / BACKBONES[name])
    if name == REPLLAMA:
        options["like"] = REPLLAMA
    with pytest.raises(EncoderError, match=re.compile(expected, re.DOTALL)) as caught:
        load_encoder(str(folder), **options)
    message = str(caught.value)
    assert "\n" not in message and message.rstrip().endswith((".", "…", "?"))
    assert set(re.findall(r"--[a-z-]+", message)) <= OPTIONS
