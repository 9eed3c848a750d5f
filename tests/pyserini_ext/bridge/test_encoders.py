"""The four Pyserini classes: what Pyserini passes is honoured, what they return fits."""

import numpy as np
import pytest

from llm_encoders import UsageError, load_encoder

TEXTS = ["Once upon a time there was a cat.", "The dog."]


@pytest.fixture(scope="module")
def classes():
    from pyserini_ext.bridge import encoders

    return encoders


def test_sparse_documents_and_queries(classes, stories):
    reference = load_encoder(str(stories), paradigm="sparse", like="lion")
    documents = classes.LlmSpladeDocumentEncoder(f"{stories},like=lion").encode(texts=TEXTS)
    expected = np.rint(reference.encode_documents(TEXTS).toarray() * 100)
    for row, impacts in zip(expected, documents, strict=True):
        assert impacts == {
            reference.vocabulary[i]: int(row[i]) for i in np.flatnonzero(row).tolist()
        }
    encoder = classes.LlmSpladeQueryEncoder(f"{stories},like=lion")
    assert encoder.encode(TEXTS[0]) == encoder.encode_batch(TEXTS)[0]
    assert all(type(value) is int for value in encoder.encode(TEXTS[1]).values())


def test_dense_documents_and_queries(classes, stories):
    documents = classes.LlmDenseDocumentEncoder(f"{stories},like=lion", device="cpu").encode(TEXTS)
    assert documents.shape == (2, 64) and documents.dtype == np.float32
    encoder = classes.LlmDenseQueryEncoder(f"{stories},like=lion")
    assert encoder.encode(TEXTS[0]).shape == (64,)
    np.testing.assert_allclose(encoder.encode_batch(TEXTS), documents, atol=1e-5)
    assert encoder.encode_batch([]).shape == (0, 64)


def test_what_pyserini_passes_is_honoured(classes, stories):
    encoder = classes.LlmDenseDocumentEncoder(f"{stories},like=lion")
    plain = encoder.encode(TEXTS)
    titled = encoder.encode(TEXTS, titles=["A", "B"], fp16=False, max_length=256, add_sep=False)
    joined = encoder.encode([f"A {TEXTS[0]}", f"B {TEXTS[1]}"])
    np.testing.assert_allclose(titled, joined, atol=1e-5)
    assert np.abs(encoder.encode(TEXTS, max_length=3) - plain).max() > 1e-3
    paired = encoder.encode(TEXTS, titles=["A", "B"], add_sep=True)
    tokenizer = encoder.encoder.backbone.tokenizer
    ids = tokenizer("A", TEXTS[0])["input_ids"]
    assert encoder.encoder.document_token_ids(TEXTS[:1], ["A"], None, True) == [ids]
    assert paired.shape == plain.shape
    prefixed = classes.LlmDenseDocumentEncoder(f"{stories},like=lion", prefix="A ").encode(TEXTS)
    np.testing.assert_allclose(prefixed, encoder.encode([f"A {text}" for text in TEXTS]), atol=1e-5)


def test_a_prefix_is_put_as_it_is_in_place_of_the_contracts(classes, shared_data):
    qwen = str(shared_data / "checkpoints/Qwen/Qwen3-Embedding-0.6B")
    bare = classes.LlmDenseQueryEncoder(qwen, prefix="").encode_batch(TEXTS)
    documents = classes.LlmDenseDocumentEncoder(qwen).encode(TEXTS)
    np.testing.assert_array_equal(bare, documents)
    asked = classes.LlmDenseQueryEncoder(qwen, prefix="Find:").encode_batch(TEXTS)
    written = classes.LlmDenseDocumentEncoder(qwen).encode([f"Find:{text}" for text in TEXTS])
    np.testing.assert_array_equal(asked, written)
    gemma = str(shared_data / "checkpoints/google/embeddinggemma-300m")
    publishers = classes.LlmDenseDocumentEncoder(gemma).encode(TEXTS)
    as_in_its_card = classes.LlmDenseDocumentEncoder(gemma, prefix="title: none | text: ")
    np.testing.assert_array_equal(as_in_its_card.encode(TEXTS), publishers)


def test_fp16_computes_in_half_precision(classes, stories):
    encoder = classes.LlmDenseDocumentEncoder(f"{stories},like=lion")
    plain = encoder.encode(TEXTS)
    half = encoder.encode(TEXTS, fp16=True)
    assert str(encoder.encoder.dtype) == "torch.float16" and half.dtype == np.float32
    np.testing.assert_allclose(half, plain, atol=2e-2)
    query = classes.LlmSpladeQueryEncoder(f"{stories},like=lion", fp16=True)
    assert str(query.encoder.dtype) == "torch.float16" and query.encode("cat")


def test_prefetched_queries_are_encoded_in_one_call(classes, stories, monkeypatch):
    encoder = classes.LlmSpladeQueryEncoder(f"{stories},like=lion")
    calls = []
    original = encoder.encoder.encode_queries
    monkeypatch.setattr(
        encoder.encoder,
        "encode_queries",
        lambda queries, **k: calls.append(len(queries)) or original(queries, **k),
    )
    with encoder.prefetched([*TEXTS, TEXTS[0]]):
        inside = [encoder.encode(text) for text in TEXTS]
    assert calls == [2]
    assert [encoder.encode(text) for text in TEXTS] == inside
    assert calls == [2, 1, 1]


def test_contract_length_unless_the_user_names_one(classes, stories):
    encoder = classes.LlmDenseQueryEncoder(f"{stories},like=lion")
    long = "word " * 100
    contract = encoder.encode(long)
    encoder.ignored_max_length = 256
    np.testing.assert_array_equal(encoder.encode(long, max_length=256), contract)
    assert np.abs(encoder.encode(long, max_length=100) - contract).max() > 1e-4


def test_pickled_queries_are_refused(classes, stories):
    with pytest.raises(UsageError, match="pickle"):
        classes.LlmDenseQueryEncoder(f"{stories},like=lion", encoded_query_dir="somewhere")
