"""Named encoders beside the files of their repositories, in miniature."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from llm_encoders import EncoderError, UsageError, load_encoder, registry
from llm_encoders.checkpoints.contract import contract_of
from llm_encoders.checkpoints.contract_options import Written
from llm_encoders.checkpoints.layouts import read_layout
from llm_encoders.checkpoints.resolve import resolve

MINIATURES = {
    "qwen3-embedding-0.6b": "Qwen/Qwen3-Embedding-0.6B",
    "e5-mistral-7b": "intfloat/e5-mistral-7b-instruct",
    "embeddinggemma-300m": "google/embeddinggemma-300m",
    "splade-code-0.6b": "naver/splade-code-06B",
    "llm-splade-1b": "hzeng/Lion-SP-1B-llama3-marco-mntp",
    "llm2vec-llama3-8b": "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp-supervised",
    "repllama-v1-7b": "castorini/repllama-v1-7b-lora-passage",
}
UNDER = {
    "llm-splade-1b": ["meta-llama/Llama-3.2-1B"],
    "llm2vec-llama3-8b": [
        "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp",
        "meta-llama/Meta-Llama-3-8B-Instruct",
    ],
    "repllama-v1-7b": ["meta-llama/Llama-2-7b-hf"],
}


@pytest.fixture
def published(shared_data):
    return shared_data / "checkpoints"


@pytest.fixture
def fetched(hub, published):
    """Put repositories on the Hub; returns where one is, so that a test can change it."""

    def fetched(*repositories):
        for repository in repositories:
            shutil.copytree(published / repository, hub / repository)
        return hub / repositories[0]

    return fetched


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("name", [name for name in MINIATURES if name != "repllama-v1-7b"])
def test_contract_of_the_name_is_that_of_the_files(name, published):
    """RepLLaMA is left out: no file of its repository says how it encodes."""
    folder = published / MINIATURES[name]
    contract, derived = contract_of(name, folder, registry.presets()[name])
    assert derived is not None
    for field in dataclasses.fields(contract):
        ours, theirs = (getattr(one, field.name) for one in (contract, derived.contract))
        if name == "qwen3-embedding-0.6b" and field.name.endswith("_max_length") and ours:
            assert ours == 8192 < theirs  # its card
        else:
            assert ours == theirs, field.name


@pytest.mark.parametrize("name", MINIATURES)
def test_vectors_by_the_name_of_the_encoder(name, fetched, published):
    """Fetched by the patterns for the Hub: weights in subfolders and as .bin, adapters below."""
    fetched(MINIATURES[name], *UNDER.get(name, ()))
    texts = json.loads((published / "texts.json").read_text(encoding="utf-8"))
    encoder = load_encoder(name)
    found = encoder.encode_queries(texts["queries"]), encoder.encode_documents(texts["documents"])
    with np.load(published / f"{MINIATURES[name]}.npz") as wanted:
        for vectors, side in zip(found, ("queries", "documents"), strict=True):
            vectors = vectors.toarray() if hasattr(vectors, "toarray") else vectors
            np.testing.assert_allclose(vectors, wanted[side], rtol=0, atol=1e-4)


CHANGES = [
    ("config.json", {"is_causal": False}, "attention", '"bidirectional"', '"causal"'),
    (
        "config_sentence_transformers.json",
        {"prompts": {"query": "query: ", "document": ""}},
        "query_prefix",
        '"query: "',
        r'"Instruct: {instruction}\nQuery:"',
    ),
    ("sentence_bert_config.json", {"max_seq_length": 512}, "query_max_length", "512", "8192"),
]


@pytest.mark.parametrize(("file", "change", "key", "theirs", "ours"), CHANGES)
def test_a_changed_repository_is_refused_until_the_user_chooses(
    fetched, file, change, key, theirs, ours
):
    path = fetched("Qwen/Qwen3-Embedding-0.6B") / file
    if not path.exists():
        path.write_text("{}")
    edit(path, **change)
    name = "qwen3-embedding-0.6b"
    with pytest.raises(UsageError) as caught:
        resolve(name)
    message = str(caught.value)
    assert message.startswith(f"{name}: {key} is ") and f"/{file} says" in message
    assert f"--encoder '{name},{key}={theirs}'" in message and f"'{name},{key}={ours}'" in message
    values = [json.loads(one) for one in (theirs, ours)]
    if key == "query_max_length":  # the other side is refused, too
        with pytest.raises(UsageError, match="passage_max_length"):
            resolve(name, changes={key: Written(theirs)})
        assert resolve(name, changes={key: Written(theirs), "passage_max_length": 512})
        return
    for written, value in zip((theirs, ours), values, strict=True):
        assert getattr(resolve(name, changes={key: Written(written)}).contract, key) == value


def test_what_the_files_do_not_say_contradicts_nothing(fetched):
    """Publishers that leave prompts and normalisation to a card."""
    folder = fetched("Qwen/Qwen3-Embedding-0.6B")
    (folder / "config_sentence_transformers.json").unlink()
    modules = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps(modules[:2]))
    contract = resolve("qwen3-embedding-0.6b").contract
    assert contract.normalize and contract.query_prefix == "Instruct: {instruction}\nQuery:"
    assert not read_layout(folder).contract.normalize


def test_files_in_another_layout(fetched):
    (fetched("Qwen/Qwen3-Embedding-0.6B") / "modules.json").unlink()
    with pytest.raises(EncoderError, match="in the layout of sentence-transformers, but .* not in"):
        resolve("qwen3-embedding-0.6b")


def test_a_name_can_lend_its_contract_if_it_is_whole(published, tmp_path):
    shutil.copytree(published / "Qwen/Qwen3-Embedding-0.6B", tmp_path / "mine")
    for file in ("modules.json", "config_sentence_transformers.json"):
        (tmp_path / "mine" / file).unlink()
    mine = str(tmp_path / "mine")
    named = resolve(mine, like="Qwen/Qwen3-Embedding-0.6B").contract
    assert named == registry.presets()["qwen3-embedding-0.6b"].contract
    for name in ("harrier-0.6b", "nv-embed-v2", "llm2vec-mistral-7b"):
        with pytest.raises(UsageError, match=f"like is '{name}', which is read from"):
            resolve(mine, like=name)


def test_tokenizer_of_another_repository(hub, published):
    """LACONIC ships none; its input has no special tokens."""
    folder = hub / "utahnlp/laconic-1b"
    shutil.copytree(published / "meta-llama/Llama-3.2-1B", folder)
    shutil.copytree(folder, hub / "unsloth/Llama-3.2-1B")
    whole = load_encoder("laconic-1b")
    for path in folder.glob("*token*"):
        path.unlink()
    shutil.rmtree(hub.parent / "cache")
    encoder = load_encoder("laconic-1b")
    ids = encoder.query_token_ids(["what are statins"])[0]
    plain = encoder.backbone.tokenizer("query: what are statins", add_special_tokens=False)
    assert ids == plain["input_ids"]
    vectors = [one.encode_documents(["Statins."], ["A title"]) for one in (whole, encoder)]
    assert (vectors[0] != vectors[1]).nnz == 0 and 0 < vectors[0].nnz <= 512
    assert not list((hub.parent / "cache/unsloth/Llama-3.2-1B").glob("*.safetensors"))
    copy = load_encoder(f"{hub.parent / 'cache/utahnlp/laconic-1b'},like=utahnlp/laconic-1b")
    assert copy.query_token_ids(["what are statins"]) == [ids]
