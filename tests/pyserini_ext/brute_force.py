"""Searching by definition: every score computed, nothing indexed."""

import json
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

Run = dict[str, list[tuple[str, float]]]


def read_run(path: Path) -> Run:
    """query id -> [(document id, score)] in rank order of a TREC run."""
    run: Run = {}
    for line in path.read_text().splitlines():
        query_id, _, docid, rank, score, _ = line.split()
        run.setdefault(query_id, []).append((docid, float(score)))
        assert int(rank) == len(run[query_id])
    return run


def read_vectors(folder: Path) -> tuple[list[str], list[dict[str, int]]]:
    """Document ids and impact dictionaries of all JSONL parts."""
    parts = sorted(folder.glob("embeddings.*.jsonl"))
    records = [json.loads(line) for part in parts for line in part.open()]
    return [record["id"] for record in records], [record["vector"] for record in records]


def impact_matrix(vectors: list[dict[str, int]], columns: dict[str, int]) -> csr_array:
    """int64 [texts, terms]; terms of ``columns`` only, which grows with the vectors."""
    indptr, indices, data = [0], [], []
    for vector in vectors:
        for term, impact in vector.items():
            indices.append(columns.setdefault(term, len(columns)))
            data.append(impact)
        indptr.append(len(indices))
    shape = (len(vectors), len(columns))
    return csr_array((np.array(data, dtype=np.int64), indices, indptr), shape=shape)


def sparse_scores(queries: list[dict[str, int]], documents: list[dict[str, int]]) -> np.ndarray:
    """Integer dot products, int64 [queries, documents]."""
    columns: dict[str, int] = {}
    return products(queries, impact_matrix(documents, columns), columns)


def products(
    queries: list[dict[str, int]], documents: csr_array, columns: dict[str, int]
) -> np.ndarray:
    """Integer dot products, int64 [queries, documents], with a matrix of :func:`impact_matrix`."""
    known = [{t: v for t, v in query.items() if t in columns} for query in queries]
    left = impact_matrix(known, columns)
    left.resize((len(queries), documents.shape[1]))
    return (left @ documents.T).toarray()


def assert_run_equals(
    run: Run,
    query_ids: list[str],
    docids: list[str],
    scores: np.ndarray,
    hits: int,
    tolerance: float = 0,
) -> None:
    """The run has, for every query, the highest scores, each document with its own score."""
    position = {docid: column for column, docid in enumerate(docids)}
    for row, query_id in enumerate(query_ids):
        expected = np.sort(scores[row])[::-1][:hits]
        if tolerance == 0:
            expected = expected[expected > 0]  # Lucene returns only documents that match
        found = run.get(query_id, [])
        values = np.array([score for _, score in found])
        if tolerance == 0:  # Anserini takes a millionth off per tie, to make an order
            assert np.abs(values - np.rint(values)).max(initial=0) < 0.01, query_id
            values = np.rint(values)
        own = np.array([scores[row, position[docid]] for docid, _ in found])
        assert len({docid for docid, _ in found}) == len(found) == len(expected), query_id
        np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance, err_msg=query_id)
        np.testing.assert_allclose(values, own, rtol=0, atol=tolerance, err_msg=query_id)
