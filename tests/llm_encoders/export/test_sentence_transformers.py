"""Folders of sentence-transformers in our encoders, and our exports in sentence-transformers.

Read the first failure with the version at hand: what 6.2 itself gets wrong is a test of its own.
"""

import json

import numpy as np
import pytest

from llm_encoders import load_encoder
from llm_encoders.export.job import export
from tests.llm_encoders.conftest import vectors as ours

pytestmark = pytest.mark.slow  # the import alone takes most of ten seconds

REPLLAMA = "castorini/repllama-v1-7b-lora-passage"
PUBLISHED = (
    "Qwen/Qwen3-Embedding-0.6B",
    "intfloat/e5-mistral-7b-instruct",
    "google/embeddinggemma-300m",
    "naver/splade-code-06B",
    "hzeng/Lion-SP-1B-llama3-marco-mntp",
    f"{REPLLAMA},like={REPLLAMA}",
)
SPARSE_CHANGES = ("query_top_k=none,passage_top_k=none", "query_top_k=20,passage_top_k=20")
DENSE_CHANGES = (
    "query_max_length=256",
    "pooling=mean-of-normalised,normalize=false",
    "pooling=weighted-mean+max,normalize=false,query_prefix=query: ,passage_prefix=passage: ",
    "attention=causal,pooling=eos,append_eos=true,dimension=32",
    "pooling=cls,special_tokens=false,passage_template=title: {title|none} | text: {text}",
    "query_prefix=question:,query_pool_prefix=false,passage_prefix=passage:,"
    "passage_pool_prefix=false",
    "special_tokens=false,append_eos=true,pooling=last",
)
TEXTS = {
    "queries": ["what do statins do", "  café naïve  résumé", "why " * 90, "?"],
    "documents": ["Statins lower cholesterol.\n", "Short.", "Trains run on rails. " * 80],
}


@pytest.fixture(scope="module")
def package():
    return pytest.importorskip(
        "sentence_transformers", reason="needs sentence-transformers: pip install '.[test]'"
    )


def theirs(model, texts, **options):
    found = (
        model.encode_query(texts["queries"], convert_to_tensor=True, **options),
        model.encode_document(texts["documents"], convert_to_tensor=True),
    )
    return [(one.to_dense() if one.is_sparse else one).float().numpy() for one in found]


def opened(package, folder, **options):
    config = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))
    kind = getattr(package, config.get("model_type", "SentenceTransformer"))
    return kind(str(folder), device="cpu", local_files_only=True, **options)


def assert_equal(found, wanted, tolerance=1e-5):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


def assert_export(package, name, folder, texts):
    export(name, folder)
    wanted = ours(load_encoder(name), texts)
    assert_equal(theirs(opened(package, folder), texts), wanted)
    assert_equal(ours(load_encoder(str(folder)), texts), wanted, tolerance=0)
    return wanted


@pytest.mark.parametrize("name", PUBLISHED)
def test_exports_of_published_checkpoints(package, published, tmp_path, name):
    found = assert_export(package, name, tmp_path / "out", published)
    with np.load(name.split(",")[0] + ".npz") as arrays:
        assert_equal(found, [arrays["queries"], arrays["documents"]], tolerance=1e-4)


@pytest.mark.parametrize("changes", SPARSE_CHANGES)
def test_sparse_exports(package, tmp_path, changes):
    assert_export(package, f"llm-splade-tiny,{changes}", tmp_path / "out", TEXTS)


def test_the_scale_of_the_logits_is_in_the_head(package, tmp_path):
    name = "llm-splade-tiny,query_top_k=none,passage_top_k=none,logit_scale=0.3"
    assert_export(package, name, tmp_path / "out", TEXTS)


def test_a_dense_export_as_it_is(package, tmp_path):
    assert_export(package, "llm-dense-tiny", tmp_path / "out", TEXTS)


@pytest.mark.parametrize("changes", DENSE_CHANGES)
def test_dense_exports(package, tmp_path, changes):
    assert_export(package, f"llm-dense-tiny,{changes}", tmp_path / "out", TEXTS)


def test_attention_stays_bidirectional(package, tmp_path):
    """A later token changes an earlier state, by the configuration alone."""
    states = {}
    for attention in ("bidirectional", "causal"):
        export(f"llm-dense-tiny,attention={attention}", tmp_path / attention)
        model = opened(package, tmp_path / attention)
        assert model[0].model.config.is_causal is (attention == "causal")
        found = model.encode(
            ["rails guide trains", "rails guide cats"], output_value="token_embeddings"
        )
        states[attention] = [one[1].numpy() for one in found]
    assert np.abs(states["bidirectional"][0] - states["bidirectional"][1]).max() > 1e-3
    np.testing.assert_allclose(*states["causal"], atol=1e-5)


def test_weights_in_bfloat16(package, tmp_path):
    for kind, name in (
        ("dense", "llm-dense-tiny"),
        ("sparse", "llm-splade-tiny,query_top_k=9,passage_top_k=9"),
    ):
        export(f"{name},dtype=bfloat16", tmp_path / kind)
        model = opened(package, tmp_path / kind)
        found = theirs(model, TEXTS)[1]
        wanted = ours(load_encoder(name), TEXTS)[1]
        cosines = (found * wanted).sum(1)
        cosines /= np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
        assert cosines.min() > 0.98


@pytest.mark.parametrize("name", ["Qwen/Qwen3-Embedding-0.6B", "google/embeddinggemma-300m"])
def test_their_folders_in_ours(package, published, shared_data, tmp_path, name):
    """As it was published, and as the installed version saves it."""
    model = opened(package, shared_data / "checkpoints" / name)
    wanted = theirs(model, published)
    assert_equal(ours(load_encoder(name), published), wanted)
    model.save_pretrained(str(tmp_path / "saved"))
    assert_equal(ours(load_encoder(str(tmp_path / "saved")), published), wanted)


def lengths(model):
    model[0].query_length, model[0].document_length = 30, 11


def unpooled_prompt(model):
    model.prompts = {"query": "question:", "document": ""}
    model[1].include_prompt = False
    model[1].pooling_mode = "mean"


def one_dimension_less(model):
    model.truncate_dim = model.get_embedding_dimension() // 2


@pytest.mark.parametrize("change", [lengths, unpooled_prompt, one_dimension_less])
def test_settings_of_their_folders(package, published, shared_data, tmp_path, change):
    model = opened(package, shared_data / "checkpoints" / "Qwen" / "Qwen3-Embedding-0.6B")
    change(model)
    model.save_pretrained(str(tmp_path / "saved"))
    wanted = theirs(opened(package, tmp_path / "saved"), published)
    if change is one_dimension_less:  # cut after Normalize, and compared by the cosine
        wanted = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in wanted]
    assert_equal(ours(load_encoder(str(tmp_path / "saved")), published), wanted)


def test_where_6_2_itself_is_off(package, published, shared_data, tmp_path):
    """Transformers 5 drops add_eos_token of e5-mistral, so sentence-transformers pools the last
    word in place of </s>; encode_query does not find the prompt web_search_query either. Our
    encoder gives the publisher's vectors, and its export brings them to sentence-transformers.
    """
    name = "intfloat/e5-mistral-7b-instruct"
    model = opened(package, shared_data / "checkpoints" / name)
    options = {"prompt_name": "web_search_query"}
    found = theirs(model, published, **options)
    with np.load(f"{name}.npz") as arrays:
        wanted = [arrays["queries"], arrays["documents"]]
    for one, other in zip(found, wanted, strict=True):
        assert (one * other).sum(1).max() < 0.9
    assert_equal(found, ours(load_encoder(f"{name},append_eos=false"), published))
    export(name, tmp_path / "out")
    assert_equal(theirs(opened(package, tmp_path / "out"), published), wanted)


def test_a_blank_before_what_is_not_pooled(package, published, shared_data, tmp_path):
    """Why such prompts are refused: the prompt alone has one token more than before a word."""
    model = opened(package, shared_data / "checkpoints" / "Qwen" / "Qwen3-Embedding-0.6B")
    model.prompts = {"query": "question: ", "document": ""}
    model[1].include_prompt, model[1].pooling_mode = False, "mean"
    prompted = model[0].preprocess(["what"], prompt="question: ")
    whole = model.tokenizer("question: what")
    first = whole.char_to_token(len("question: "))
    assert prompted["prompt_length"] > first
