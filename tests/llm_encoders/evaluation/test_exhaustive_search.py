"""Exhaustive search against sorting all scores, ties included; dense and sparse."""

import numpy as np
import pytest
from scipy import sparse

from llm_encoders.evaluation import exhaustive_search
from llm_encoders.evaluation.exhaustive_search import search

QUERIES, DOCUMENTS, DEPTH = 9, 200, 120


def brute_force(scores, ids, depth, left_out, positive_only):
    pairs = [
        (score, docid, column)
        for column, (score, docid) in enumerate(zip(scores, ids, strict=True))
        if column != left_out and not (positive_only and score <= 0)
    ]
    return [(column, score) for score, _, column in sorted(pairs, reverse=True)[:depth]]


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_equals_sorting_all_scores(monkeypatch, kind, size):
    monkeypatch.setattr(exhaustive_search, "_QUERIES", 4)
    random = np.random.default_rng(size)
    # Small integers, so that many scores are equal.
    queries = random.integers(-1, 2, (QUERIES, 5)).astype(np.float32)
    documents = random.integers(-1, 2, (DOCUMENTS, 5)).astype(np.float32)
    ids = [f"d{number}" for number in random.permutation(DOCUMENTS)]
    left_out = [None, *(int(column) for column in random.integers(0, DOCUMENTS, QUERIES - 1))]
    scores = queries @ documents.T
    pack = sparse.csr_array if kind == "sparse" else np.asarray
    blocks = [pack(documents[i : i + size]) for i in range(0, DOCUMENTS, size)]
    found = search(pack(queries), blocks, ids, DEPTH, left_out)
    for row, ranking in enumerate(found):
        wanted = brute_force(scores[row], ids, DEPTH, left_out[row], kind == "sparse")
        columns, values = ranking
        assert list(zip(columns.tolist(), values.tolist(), strict=True)) == wanted
