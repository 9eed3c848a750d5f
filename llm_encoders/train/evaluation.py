"""Evaluation on collections in BEIR layout, exhaustively, while training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_encoders.corpora import open_corpus
from llm_encoders.corpora.rows import rows
from llm_encoders.errors import UsageError
from llm_encoders.train import metrics
from llm_encoders.train.data.prepare import is_beir, read_qrels, refuse

_BLOCK = 1024  # documents encoded and scored at a time
_DEPTH = 100
_NEGATIVES = 256  # of contrastive entropy, arXiv 2403.18684


@dataclass(frozen=True)
class Collection:
    """Documents, judged queries and their judgements, in memory."""

    name: str
    ids: list[str]
    titles: list[str | None]
    texts: list[str]
    queries: dict[str, str]
    qrels: dict[str, dict[str, int]]

    @classmethod
    def load(cls, folder: str, split: str) -> "Collection":
        """Read a folder in BEIR layout; queries without a relevant document are left out.

        Raises:
            EncoderError: it is no such folder, or holds a faulty line.
        """
        if not is_beir(folder):
            raise UsageError(
                f"evaluation: {folder} is not in BEIR layout (corpus.jsonl, queries.jsonl, qrels/)."
            )
        path = Path(folder) / "qrels" / f"{split}.tsv"
        if not path.is_file():
            known = ", ".join(sorted(file.stem for file in path.parent.glob("*.tsv")))
            raise UsageError(f"evaluation: {folder} has no split '{split}'; it has {known}.")
        qrels = {
            query: grades
            for query, grades in read_qrels(path).items()
            if any(grade > 0 for grade in grades.values())
        }
        documents = [document for _, document in open_corpus(folder).documents(refuse)]
        queries = {}
        for _, record in rows(str(Path(folder) / "queries.jsonl")):
            assert isinstance(record, dict)
            if str(record["_id"]) in qrels:
                queries[str(record["_id"])] = str(record["text"])
        return cls(
            Path(folder).name,
            [document.id for document in documents],
            [document.title for document in documents],
            [document.text for document in documents],
            queries,
            {query: qrels[query] for query in queries},
        )


def evaluate(encoder: Any, collection: Collection) -> dict[str, float]:
    """Score every document for every query and compute the metrics.

    Args:
        encoder: a sparse or dense encoder; sparse weights are not quantised.
        collection: see :meth:`Collection.load`.

    Returns:
        ``ndcg@10``, ``mrr@10``, ``recall@100`` and ``contrastive_entropy`` (nats, of scores
        divided by the contract's temperature), means over queries, and the mean number of terms
        of sparse vectors.
    """
    names = list(collection.queries)
    queries = encoder.encode_queries([collection.queries[name] for name in names])
    counts = []
    scores = np.empty((len(names), len(collection.ids)), dtype=np.float32)
    for first in range(0, len(collection.ids), _BLOCK):
        block = slice(first, first + _BLOCK)
        vectors = encoder.encode_documents(collection.texts[block], collection.titles[block])
        product = queries @ vectors.T
        scores[:, block] = product if isinstance(product, np.ndarray) else product.toarray()
        if not isinstance(vectors, np.ndarray):
            counts.append(np.diff(vectors.indptr))
    found = _figures(names, scores, collection)
    found["contrastive_entropy"] = _entropy(
        names, torch.from_numpy(scores) / encoder.config.temperature, collection
    )
    if counts:
        found["query_terms"] = float(np.diff(queries.indptr).mean())
        found["passage_terms"] = float(np.concatenate(counts).mean())
    return found


def _figures(names: list[str], scores: np.ndarray, collection: Collection) -> dict[str, float]:
    sums = dict.fromkeys(("ndcg@10", "mrr@10", "recall@100"), 0.0)
    depth = min(_DEPTH, len(collection.ids))
    for name, row in zip(names, scores, strict=True):
        least = np.partition(row, -depth)[-depth]
        ranking = metrics.ranked({collection.ids[i]: row[i] for i in np.flatnonzero(row >= least)})
        grades = collection.qrels[name]
        sums["ndcg@10"] += metrics.ndcg(ranking, grades)
        sums["mrr@10"] += metrics.reciprocal_rank(ranking, grades)
        sums["recall@100"] += metrics.recall(ranking, grades)
    return {key: value / len(names) for key, value in sums.items()}


def _entropy(names: list[str], scores: Tensor, collection: Collection) -> float:
    place = {docid: column for column, docid in enumerate(collection.ids)}
    generator = np.random.default_rng(0)
    total, pairs = 0.0, 0
    for row, name in enumerate(names):
        positives = [
            place[docid]
            for docid, grade in collection.qrels[name].items()
            if grade > 0 and docid in place
        ]
        others = np.setdiff1d(np.arange(len(place)), positives)
        for column in positives:
            drawn = generator.choice(others, min(_NEGATIVES, len(others)), replace=False)
            own = scores[row]
            entropy = metrics.contrastive_entropy(own[column][None], own[drawn][None])
            total, pairs = total + float(entropy), pairs + 1
    return total / max(1, pairs)
