"""Miniatures of published checkpoints give the vectors that their publishers' code gives."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from llm_encoders import UsageError, load_encoder
from llm_encoders.checkpoints.layouts import read_layout
from llm_encoders.checkpoints.resolve import resolve
from tests.llm_encoders.conftest import vectors

REPLLAMA = "castorini/repllama-v1-7b-lora-passage"
NAMES = (
    "Qwen/Qwen3-Embedding-0.6B",
    "intfloat/e5-mistral-7b-instruct",
    "google/embeddinggemma-300m",
    "naver/splade-code-06B",
    "hzeng/Lion-SP-1B-llama3-marco-mntp",
    "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp-supervised",
    f"{REPLLAMA},like={REPLLAMA}",
)
LLM2VEC = "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp"
SUPERVISED = f"{LLM2VEC}-supervised"
BASES = {
    SUPERVISED: "meta-llama/Meta-Llama-3-8B-Instruct",
    f"{REPLLAMA},like={REPLLAMA}": "meta-llama/Llama-2-7b-hf",
}
"""Adapters, and what they are on."""
WAYS = (
    *({"batch_size": 1}, {"batch_size": 24, "padding_side": "left"}),
    *({"attention_implementation": "eager"}, {"attention_implementation": "sdpa"}),
)


def expected(name):
    with np.load(name.split(",")[0] + ".npz") as arrays:
        return arrays["queries"], arrays["documents"]


@pytest.mark.parametrize("name", NAMES)
def test_vectors_by_the_name_of_the_folder_alone(published, name):
    for found, wanted in zip(vectors(load_encoder(name), published), expected(name), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_however_they_are_computed(published, name, way):
    loading = {key: value for key, value in way.items() if key == "attention_implementation"}
    encoder = load_encoder(name, **loading)
    for key in way.keys() - loading.keys():
        setattr(encoder, key, way[key])
    for found, wanted in zip(vectors(encoder, published), expected(name), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)


def cosines(encoder, texts, name):
    """Smallest cosine of a query's, and of a document's vectors with the expected ones."""
    found = []
    for one, wanted in zip(vectors(encoder, texts), expected(name), strict=True):
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(wanted, axis=1)
        found.append(((one * wanted).sum(1) / lengths).min())
    return found


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BASES])
def test_in_bfloat16(published, name):
    assert min(cosines(load_encoder(name, dtype="bfloat16"), published, name)) >= 0.999


@pytest.mark.parametrize("name", BASES)
def test_adapters_in_bfloat16(published, name):
    """The random weights of these two lose more in bfloat16, whoever computes: ours lose no more
    than PEFT's own merging of the same weights does."""
    from peft import PeftModel
    from transformers import AutoConfig, AutoModel

    encoder = load_encoder(name, dtype="bfloat16")
    ours = cosines(encoder, published, name)
    config = AutoConfig.from_pretrained(BASES[name])
    config.is_causal = encoder.config.attention == "causal"
    model = AutoModel.from_pretrained(BASES[name], config=config, dtype=torch.bfloat16)
    top = name.split(",")[0]
    for adapter in [*([LLM2VEC] if top.startswith(LLM2VEC) else []), top]:
        model = PeftModel.from_pretrained(model, adapter, autocast_adapter_dtype=False)
        model = model.merge_and_unload()
    encoder.backbone.decoder = model.eval()
    peft = cosines(encoder, published, name)
    assert all(one >= other - 0.005 for one, other in zip(ours, peft, strict=True)), (ours, peft)
    assert min(ours) >= 0.99


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nvidia/NV-Embed-v2", "code of its own .*NVEmbedModel.*latent attention"),
        ("naver/splade-v3", "type bert, an encoder like BERT.*Pyserini has classes"),
        (REPLLAMA, f"does not say how it encodes.*like={REPLLAMA}"),
    ],
)
def test_what_cannot_be_expressed_is_refused(published, name, reason):
    with pytest.raises(UsageError, match=reason):
        load_encoder(name)


def test_an_adapter_is_not_merged_under_itself(published, tmp_path):
    """LLM2Vec's first adapter names its own repository, also where it lies under another name."""
    name = "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp"
    shutil.copytree(name, tmp_path / "copy")
    alone = vectors(load_encoder(name), published)
    copied = load_encoder(str(tmp_path / "copy"), backbone="meta-llama/Meta-Llama-3-8B-Instruct")
    for one, other in zip(alone, vectors(copied, published), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (
        resolve(name).below
        == ()
        == resolve(str(tmp_path / "copy"), backbone=BASES[SUPERVISED]).below
    )
    assert [path.name for path in resolve(SUPERVISED).below] == [name.rpartition("/")[2]]


def test_what_no_file_says_is_not_told_as_if_one_did(published):
    """The miniature has no llm2vec_config.json, and no file of the layout has an instruction."""
    told = str(read_layout(Path(SUPERVISED)))
    assert "strip=end (adapter_config.json);" in told
    assert re.search(r"instruction='[^']*' \(adapter_config.json does not say\)", told)
    assert re.search(
        r"pooling=mean, [^;]*max_length=400 \(llm2vec_config.json does not say\)", told
    )


def test_eos_of_the_tokenizer_leaves_as_much_room_for_text_as_ours(published):
    """Gemma's files ask for EOS, which its tokenizer adds; no token of the text gives way to it."""
    encoder = load_encoder("google/embeddinggemma-300m", passage_template=None)
    assert encoder.config.append_eos
    text, tokenizer = published["documents"][-1], encoder.backbone.tokenizer
    (found,) = encoder.document_token_ids([text], max_length=32)
    assert found == tokenizer(text, truncation=True, max_length=32)["input_ids"]
    assert found.count(tokenizer.eos_token_id) == 1


def test_an_adapter_below_is_merged_whatever_contract_is_written(published, tmp_path):
    """An ``encoder_config.json`` says nothing of adapters, so it must not hide them."""
    name = "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp-supervised"
    folder = shutil.copytree(name, tmp_path / name, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    encoder = load_encoder(name)
    encoder.config.save(folder)
    for found, wanted in zip(
        vectors(load_encoder(str(folder)), published), vectors(encoder, published), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)


def test_stacked_adapters_are_peft_on_peft(published):
    """Weights of the first layer, by PEFT's own merging of one adapter after the other."""
    from peft import PeftModel
    from transformers import AutoModel

    supervised = "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp-supervised"
    model = AutoModel.from_pretrained("meta-llama/Meta-Llama-3-8B-Instruct", dtype=torch.float32)
    for adapter in (supervised.removesuffix("-supervised"), supervised):
        model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    found = load_encoder(supervised).backbone.decoder.state_dict()
    for key, wanted in model.state_dict().items():
        torch.testing.assert_close(found[key], wanted, rtol=0, atol=1e-6)


def test_a_contract_can_be_changed_behind_the_name(published):
    name = "Qwen/Qwen3-Embedding-0.6B"
    asked = load_encoder(f"{name},instruction=Find code, please")
    written = load_encoder(name, query_prefix="Instruct: Find code, please\nQuery:")
    texts = published["queries"]
    np.testing.assert_array_equal(asked.encode_queries(texts), written.encode_queries(texts))
    plain = load_encoder(name).encode_queries(texts)
    assert np.abs(asked.encode_queries(texts) - plain).max() > 1e-3
    short = load_encoder(f"{name},dimension=32").encode_queries(texts)
    cut = plain[:, :32] / np.linalg.norm(plain[:, :32], axis=1, keepdims=True)
    np.testing.assert_allclose(short, cut, atol=1e-6)
    with pytest.raises(UsageError, match="have no place for an instruction"):
        load_encoder("naver/splade-code-06B,instruction=Find code")


def test_titles_of_embeddinggemma(published):
    """Its card: ``title: {title or none} | text: {text}``."""
    encoder = load_encoder("google/embeddinggemma-300m")
    titled = encoder.encode_documents(["a text"], ["A title"])
    bare = load_encoder("google/embeddinggemma-300m", passage_template=None)
    np.testing.assert_array_equal(titled, bare.encode_documents(["title: A title | text: a text"]))
    np.testing.assert_array_equal(
        encoder.encode_documents(["a text"]),
        bare.encode_documents(["title: none | text: a text"]),
    )
