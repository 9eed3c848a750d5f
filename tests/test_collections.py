"""The tiny encoders on real collections, by Pyserini's bare commands, against brute force.

The default run takes 150 documents of nfcorpus, relevant ones first, and 64 queries; with
``--whole`` it takes all, and SciFact, too.
"""

import dataclasses
import json

import faiss
import numpy as np
import pytest

from llm_encoders import load_encoder
from pyserini_ext.quickstart.collection import beir_folder
from pyserini_ext.quickstart.pipeline import Pipeline
from tests.pyserini_ext.brute_force import (
    assert_run_equals,
    impact_matrix,
    products,
    read_run,
    read_vectors,
)

pytestmark = pytest.mark.slow
HITS = 1000
PART = 150
QUERIES = 64
BATCH = 64  # as the pipeline searches; a batch's make-up may turn an impact at a rounding edge


@pytest.fixture(
    scope="module", params=["nfcorpus", pytest.param("scifact", marks=pytest.mark.whole)]
)
def pipeline(request, tmp_path_factory, shared_data):
    whole = request.config.getoption("--whole")
    folder = tmp_path_factory.mktemp(request.param)
    collection = beir_folder(shared_data / "collections" / request.param)
    if not whole:
        qrels = {name: collection.qrels[name] for name in sorted(collection.qrels)[:QUERIES]}
        relevant = {docid for grades in qrels.values() for docid in grades}
        ids = sorted(collection.documents, key=lambda docid: docid not in relevant)[:PART]
        documents = {docid: collection.documents[docid] for docid in ids}
        queries = {name: collection.queries[name] for name in qrels}
        collection = dataclasses.replace(
            collection, documents=documents, queries=queries, qrels=qrels
        )
    collection.write(folder)
    return Pipeline(folder)


def query_batches(pipeline):
    topics = json.loads((pipeline.folder / "topics.json").read_text())
    ids = sorted(topics)
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        yield batch, [topics[query_id]["title"] for query_id in batch]


@pytest.mark.usefixtures("warm")
def test_sparse_run_is_the_integer_product_and_finds_what_is_relevant(pipeline):
    from pyserini_ext.bridge.encoders import LlmSpladeQueryEncoder

    bm25, sparse = pipeline.bm25(), pipeline.sparse("llm-splade-tiny")
    encoder = LlmSpladeQueryEncoder("llm-splade-tiny")
    docids, documents = read_vectors(pipeline.folder / "vectors.sparse")
    columns: dict[str, int] = {}
    matrix = impact_matrix(documents, columns)
    run = read_run(sparse.run)
    for query_ids, texts in query_batches(pipeline):
        scores = products(encoder.encode_batch(texts), matrix, columns)
        assert scores.max() < 2**24  # where Lucene's float32 scores stop being exact
        assert_run_equals(run, query_ids, docids, scores, HITS)
    for system in (bm25, sparse):
        pipeline.evaluate(system)
    assert sparse.measures["nDCG@10"] >= bm25.measures["nDCG@10"] / 2
    print(f"{pipeline.folder.name}: BM25 {bm25.measures}, sparse {sparse.measures}")


@pytest.mark.usefixtures("warm")
def test_dense_run_is_the_inner_product(pipeline):
    dense = pipeline.dense("llm-dense-tiny")
    assert dense.index is not None
    index = faiss.read_index(str(dense.index / "index"))
    documents = index.reconstruct_n(0, index.ntotal)
    docids = (dense.index / "docid").read_text().splitlines()
    encoder = load_encoder("llm-dense-tiny")
    run = read_run(dense.run)
    for query_ids, texts in query_batches(pipeline):
        scores = (encoder.encode_queries(texts) @ documents.T).astype(np.float64)
        assert_run_equals(run, query_ids, docids, scores, HITS, tolerance=5e-6)
    pipeline.evaluate(dense)
    print(f"{pipeline.folder.name}: dense {dense.measures}")
    assert dense.measures["nDCG@10"] > 0.05
