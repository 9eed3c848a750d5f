"""Representations against what the implementation published with arXiv 2502.15526 computes."""

import json
from functools import cache

import numpy as np
import pytest

from llm_encoders import load_encoder

TOLERANCE = 1e-4  # what a correct float32 implementation meets


@pytest.fixture(scope="module")
def fixture(shared_data):
    folder = shared_data / "parity"
    texts = json.loads((folder / "texts.json").read_text())

    @cache
    def encoder(paradigm, attention):
        return load_encoder(
            str(folder / f"adapter-{paradigm}"),
            paradigm=paradigm,
            device="cpu",
            attention_implementation=attention,
        )

    with np.load(folder / "expected.npz", allow_pickle=False) as expected:
        return texts, dict(expected), encoder


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("batch_size", [1, 5, 24])
@pytest.mark.parametrize("padding_side", ["left", "right"])
@pytest.mark.parametrize("paradigm", ["sparse", "dense"])
def test_representations(fixture, paradigm, padding_side, batch_size, attention):
    texts, expected, load = fixture
    encoder = load(paradigm, attention)
    encoder.padding_side, encoder.batch_size = padding_side, batch_size
    queries = encoder.encode_queries(texts["queries"], max_length=64)
    passages = encoder.encode_documents(texts["passages"], max_length=128)
    if paradigm == "sparse":
        queries, passages = queries.toarray(), passages.toarray()
    assert queries.dtype == passages.dtype == np.float32
    np.testing.assert_allclose(queries, expected[f"{paradigm}_queries"], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(passages, expected[f"{paradigm}_passages"], rtol=0, atol=TOLERANCE)


def test_token_ids(fixture):
    texts, expected, load = fixture
    encoder = load("sparse", "sdpa")
    for ids, row, mask in zip(
        encoder.query_token_ids(texts["queries"], 64),
        expected["query_input_ids"],
        expected["query_attention_mask"],
        strict=True,
    ):
        assert ids == row[mask.astype(bool)].tolist()
