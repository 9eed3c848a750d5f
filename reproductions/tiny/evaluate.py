"""nDCG@10 of an encoder on a collection in BEIR layout, and held-out MRR@10."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from data import Pair
from scipy.sparse import csr_array

from llm_encoders import DenseEncoder, SparseEncoder
from llm_encoders.encoding.impacts import quantize


def ndcg(ranked: list[str], grades: dict[str, int], depth: int = 10) -> float:
    """nDCG as trec_eval computes it: linear gain, log2 discount, ideal from all judged."""
    gains = [max(0, grades.get(doc, 0)) for doc in ranked[:depth]]
    ideal = sorted((g for g in grades.values() if g > 0), reverse=True)[:depth]
    best = sum(g / math.log2(i + 2) for i, g in enumerate(ideal))
    return sum(g / math.log2(i + 2) for i, g in enumerate(gains)) / best if best else 0.0


def scores_of(encoder: SparseEncoder | DenseEncoder, queries: Any, passages: Any) -> np.ndarray:
    """Scores [queries, passages]: products of integer impacts, or of dense vectors."""
    if isinstance(encoder, DenseEncoder):
        return queries @ passages.T
    scale = encoder.config.impact_scale
    return (quantize(queries, scale) @ quantize(passages, scale).T).toarray()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Records of a JSON-lines file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def evaluate_collection(
    encoder: SparseEncoder | DenseEncoder, folder: Path, split: str = "test"
) -> dict[str, float]:
    """nDCG@10 on one split, and the mean numbers of terms."""
    documents = sorted(read_lines(folder / "corpus.jsonl"), key=lambda document: document["_id"])
    qrels: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels" / f"{split}.tsv").read_text().splitlines()[1:]:
        query, doc, grade = line.split("\t")
        qrels.setdefault(query, {})[doc] = int(grade)
    queries = [q for q in read_lines(folder / "queries.jsonl") if q["_id"] in qrels]
    ids = [document["_id"] for document in documents]
    passages = encoder.encode_documents(
        [document["text"] for document in documents],
        [document.get("title") for document in documents],
    )
    vectors = encoder.encode_queries([q["text"] for q in queries])
    result: dict[str, float] = {}
    total = 0.0
    for query, row in zip(queries, scores_of(encoder, vectors, passages), strict=True):
        top = np.argsort(-row, kind="stable")[:11]
        ranked = [ids[i] for i in top if ids[i] != query["_id"] and row[i] != 0][:10]
        total += ndcg(ranked, qrels[query["_id"]])
    result["ndcg@10"] = total / len(queries)
    if isinstance(vectors, csr_array):
        scale = encoder.config.impact_scale
        result["terms/query"] = quantize(vectors, scale).nnz / len(queries)
        result["terms/passage"] = quantize(passages, scale).nnz / len(ids)
    return result


def evaluate_held_out(
    encoder: SparseEncoder | DenseEncoder, pairs: list[Pair], most: int = 800
) -> dict[str, float]:
    """MRR@10 of held-out questions against all held-out passages."""
    held = [p for p in pairs if p.held_out and not p.source.endswith("-crop")]
    groups = {p.group: p.passage for p in held}
    names = list(groups)
    asked = held[:: max(1, len(held) // most)]
    passages = encoder.encode_documents(list(groups.values()))
    queries = encoder.encode_queries([p.query for p in asked])
    total = 0.0
    for pair, row in zip(asked, scores_of(encoder, queries, passages), strict=True):
        rank = int((row > row[names.index(pair.group)]).sum()) + 1
        total += 1 / rank if rank <= 10 else 0.0
    return {"held-out mrr@10": total / len(asked), "queries": len(asked), "passages": len(names)}
