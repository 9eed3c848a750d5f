"""Evaluation on collections in BEIR layout, exhaustively, while training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from llm_encoders.corpora import open_corpus
from llm_encoders.corpora.beir import BeirFolder, is_beir
from llm_encoders.data.prepare import refuse
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.evaluation import measures as metrics

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
        beir = BeirFolder(Path(folder))
        qrels = {
            query: grades
            for query, grades in beir.qrels(split).items()
            if any(grade > 0 for grade in grades.values())
        }
        if not qrels:
            raise UsageError(
                f"evaluation: {beir.qrels_file(split)} judges no document relevant; name another "
                "split (evaluation.split)."
            )
        documents = [document for _, document in open_corpus(folder).documents(refuse)]
        queries = {query.id: query.text for query in beir.queries() if query.id in qrels}
        if missing := qrels.keys() - queries.keys():
            raise EncoderError(
                f"evaluation: {beir.queries_file} lacks {len(missing)} judged queries, "
                f"'{min(missing)}' among them; add them, or remove them from the qrels."
            )
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

    A document with the id of the query is left out of rankings, as BEIR's own evaluation does,
    and so are those that share no term with a sparse query: an impact index does not return them.
    Memory holds the scores of one block of documents at a time.

    Args:
        encoder: a sparse or dense encoder; sparse weights are not quantised.
        collection: see :meth:`Collection.load`.

    Returns:
        ``ndcg@10``, ``mrr@10``, ``recall@100`` and ``contrastive_entropy`` (nats, of scores
        divided by the contract's temperature), means over queries (of the entropy: over relevant
        pairs), and the mean number of terms of sparse vectors.
    """
    names = list(collection.queries)
    queries = encoder.encode_queries([collection.queries[name] for name in names])
    order = docid_order(collection.ids)
    best = [Best(_DEPTH, order) for _ in names]
    places = {docid: column for column, docid in enumerate(collection.ids)}
    samples = _samples(collection, names, places)
    counts = []
    for first in range(0, len(collection.ids), _BLOCK):
        block = slice(first, first + _BLOCK)
        vectors = encoder.encode_documents(collection.texts[block], collection.titles[block])
        product = queries @ vectors.T
        sparse = not isinstance(product, np.ndarray)
        scores = product.toarray() if sparse else product
        for row, name in enumerate(names):
            samples[row].take(scores[row], first)
            if 0 <= (own := places.get(name, -1) - first) < scores.shape[1]:
                scores[row, own] = -np.inf
            if sparse:
                scores[row, scores[row] <= 0] = -np.inf
            best[row].take(scores[row], first)
        if not isinstance(vectors, np.ndarray):
            counts.append(np.diff(vectors.indptr))
    found = _figures(names, best, collection)
    found["contrastive_entropy"] = _entropy(samples, encoder.config.temperature)
    if counts:
        found["query_terms"] = float(np.diff(queries.indptr).mean())
        found["passage_terms"] = float(np.concatenate(counts).mean())
    return found


def docid_order(ids: list[str]) -> np.ndarray:
    """Rank of every document's id in lexicographic order, int64 [documents]."""
    order = np.empty(len(ids), dtype=np.int64)
    order[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    return order


class Best:
    """The documents of the highest scores seen so far; ties by falling id, as in trec_eval."""

    def __init__(self, depth: int, order: np.ndarray) -> None:
        self.depth, self.order = depth, order
        self.scores = np.empty(0, dtype=np.float32)
        self.columns = np.empty(0, dtype=np.int64)

    def take(self, scores: np.ndarray, first: int) -> None:
        """Scores of the documents from number ``first`` on, float32 [documents]."""
        least = self.scores[-1] if len(self.scores) == self.depth else -np.inf
        if len(scores) > self.depth:
            least = max(least, np.partition(scores, -self.depth)[-self.depth])
        (kept,) = np.nonzero((scores >= least) & np.isfinite(scores))
        merged = np.concatenate([self.scores, scores[kept]])
        columns = np.concatenate([self.columns, kept + first])
        places = np.lexsort((-self.order[columns], -merged))[: self.depth]
        self.scores, self.columns = merged[places], columns[places]


def _figures(names: list[str], best: list[Best], collection: Collection) -> dict[str, float]:
    sums = dict.fromkeys(("ndcg@10", "mrr@10", "recall@100"), 0.0)
    for name, found in zip(names, best, strict=True):
        ranking = [collection.ids[column] for column in found.columns]
        grades = {docid: grade for docid, grade in collection.qrels[name].items() if docid != name}
        sums["ndcg@10"] += metrics.ndcg(ranking, grades)
        sums["mrr@10"] += metrics.reciprocal_rank(ranking, grades)
        sums["recall@100"] += metrics.recall(ranking, grades)
    return {key: value / len(names) for key, value in sums.items()}


class _Sample:
    """Scores of a query's relevant documents, and of others drawn for each of them."""

    def __init__(self, positives: np.ndarray, negatives: np.ndarray) -> None:
        self.columns = np.concatenate([positives[:, None], negatives], axis=1)
        self.scores = np.zeros(self.columns.shape, dtype=np.float32)

    def take(self, scores: np.ndarray, first: int) -> None:
        """As :meth:`Best.take`."""
        places = np.nonzero((self.columns >= first) & (self.columns < first + len(scores)))
        self.scores[places] = scores[self.columns[places] - first]


def _samples(collection: Collection, names: list[str], place: dict[str, int]) -> list[_Sample]:
    """What contrastive entropy needs, the same in every evaluation."""
    generator = np.random.default_rng(0)
    samples = []
    for name in names:
        grades = collection.qrels[name]
        positives = [
            place[docid] for docid, grade in grades.items() if grade > 0 and docid in place
        ]
        count = min(_NEGATIVES, len(place) - len(positives))
        drawn = np.empty((len(positives), count), dtype=np.int64)
        for row in drawn:
            more = generator.choice(len(place), count + len(positives), replace=False)
            row[:] = more[~np.isin(more, positives)][:count]
        samples.append(_Sample(np.array(positives, dtype=np.int64), drawn))
    return samples


def _entropy(samples: list[_Sample], temperature: float) -> float:
    total, pairs = 0.0, 0
    for sample in samples:
        scores = torch.from_numpy(sample.scores) / temperature
        total += float(metrics.contrastive_entropy(scores[:, 0], scores[:, 1:]).sum())
        pairs += len(scores)
    return total / max(1, pairs)
