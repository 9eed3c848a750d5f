"""The models that ship: they load anywhere, touch no network, and mean something."""

import numpy as np
import pytest

from llm_encoders import load_encoder

PASSAGES = [
    "Statins lower the level of cholesterol in the blood and reduce the risk of heart disease.",
    "The list method sort puts the items of a list in order, in place.",
    "Paris is the capital and the largest city of France.",
    "A volcano erupts when magma rises from below the crust of the earth.",
]
QUERIES = [
    "which drugs reduce cholesterol",
    "how do I order a python list",
    "capital city of france",
    "why do volcanoes erupt",
]


@pytest.mark.parametrize("name", ["llm-splade-tiny", "llm-dense-tiny"])
def test_finds_the_right_passage(name):
    encoder = load_encoder(name)
    queries, passages = encoder.encode_queries(QUERIES), encoder.encode_documents(PASSAGES)
    scores = queries @ passages.T
    scores = scores if isinstance(scores, np.ndarray) else scores.toarray()
    assert scores.argmax(1).tolist() == [0, 1, 2, 3]


def test_sparse_contract_keeps_indexes_small():
    encoder = load_encoder("llm-splade-tiny")
    assert np.diff(encoder.encode_documents(PASSAGES).indptr).max() <= encoder.config.passage_top_k
    assert np.diff(encoder.encode_queries(QUERIES).indptr).max() <= encoder.config.query_top_k
    assert len(set(encoder.vocabulary)) == len(encoder.vocabulary) == 16384


@pytest.mark.parametrize(
    "name", ["llm-splade-tiny", pytest.param("llm-dense-tiny", marks=pytest.mark.whole)]
)
def test_local_encoder_touches_no_network(python, name):
    code = (
        "import socket\n"
        "def refuse(*args, **kwargs): raise SystemExit('the network was touched')\n"
        "socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse\n"
        "from llm_encoders import load_encoder\n"
        f"print(load_encoder('{name}').encode_queries(['cat']).shape)"
    )
    assert python("-c", code, HF_HUB_OFFLINE="0").stdout.startswith("(1, ")


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["llm-splade-tiny", "llm-dense-tiny"])
def test_gpu_defaults_to_bfloat16_and_agrees_with_the_cpu(name):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    reference = load_encoder(name, device="cpu").encode_documents(PASSAGES)
    default = load_encoder(name)
    exact = load_encoder(name, dtype="float32")
    assert default.device.type == "cuda"
    assert default.dtype == (torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)
    for encoder, tolerance in ((exact, 1e-3), (default, 0.05)):
        vectors = encoder.encode_documents(PASSAGES)
        if name == "llm-splade-tiny":
            difference, size = (vectors - reference).toarray(), reference.toarray()
        else:
            difference, size = vectors - reference, reference
        assert np.linalg.norm(difference) / np.linalg.norm(size) < tolerance
