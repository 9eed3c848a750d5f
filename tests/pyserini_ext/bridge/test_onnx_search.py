"""Pyserini's own search with a query side in ONNX, over the index of the whole encoder."""

import numpy as np
import pytest

from llm_encoders import load_encoder
from llm_encoders.distill_query.onnx_export.job import export_onnx
from tests.pyserini_ext.served import DENSE, DOCUMENTS, QUERIES


@pytest.mark.slow
def test_faiss_finds_what_the_teacher_finds(made, tmp_path, warm_python):
    folder, topics, run = tmp_path / "graph", tmp_path / "topics.tsv", tmp_path / "run.txt"
    export_onnx(DENSE, folder)
    topics.write_text("".join(f"{i}\t{query}\n" for i, query in enumerate(QUERIES)))
    words = ["--encoder", folder, "--index", made.dense, "--topics", topics, "--output", run]
    warm_python("-m", "pyserini.search.faiss", *words, "--hits", "5")
    encoder = load_encoder(DENSE, device="cpu")
    titles, texts = zip(*DOCUMENTS.values(), strict=True)
    scores = encoder.encode_queries(QUERIES) @ encoder.encode_documents(texts, titles).T
    names, found = list(DOCUMENTS), [line.split() for line in run.read_text().splitlines()]
    assert [(one[0], one[2]) for one in found] == [
        (str(i), names[column]) for i, row in enumerate(scores) for column in np.argsort(-row)
    ]
    sorted_scores = -np.sort(-scores, axis=1).ravel()
    np.testing.assert_allclose([float(one[4]) for one in found], sorted_scores, atol=1e-5)
