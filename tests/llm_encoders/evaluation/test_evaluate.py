"""Evaluation block by block against all scores at once; its faults."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from llm_encoders import EncoderConfig, EncoderError, UsageError
from llm_encoders.evaluation import evaluate as evaluation
from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.entropy import Sample
from llm_encoders.evaluation.evaluate import evaluate
from llm_encoders.evaluation.measures.ndcg import ndcg
from llm_encoders.evaluation.measures.recall import recall
from llm_encoders.evaluation.measures.reciprocal_rank import reciprocal_rank
from tests.llm_encoders.conftest import write_lines

DOCUMENTS, QUERIES = 300, 7


class Vectors:
    """An encoder whose texts are row numbers of given vectors."""

    config = EncoderConfig(paradigm="dense", temperature=0.5)

    def __init__(self, seed):
        # Small integers, so that many scores are equal.
        random = np.random.default_rng(seed)
        self.queries = random.integers(-1, 2, (QUERIES, 4)).astype(np.float32)
        self.documents = random.integers(-1, 2, (DOCUMENTS, 4)).astype(np.float32)

    def encode_queries(self, texts):
        return self.queries[[int(text) for text in texts]]

    def encode_documents(self, texts, titles):
        return self.documents[[int(text) for text in texts]]


@pytest.fixture
def collection():
    random = np.random.default_rng(5)
    # Ids whose order is not that of the documents; the last query's is also a document's.
    ids = [f"d{number}" for number in random.permutation(DOCUMENTS)]
    names = [*(f"q{number}" for number in range(QUERIES - 1)), ids[17]]
    qrels = {
        name: {ids[i]: int(random.integers(0, 3)) for i in random.permutation(DOCUMENTS)[:20]}
        for name in names
    }
    qrels[names[-1]][ids[17]] = 2
    texts = [str(number) for number in range(DOCUMENTS)]
    queries = {name: str(number) for number, name in enumerate(names)}
    return Collection("c", ids, [None] * DOCUMENTS, texts, queries, qrels)


@pytest.mark.parametrize("block", [1, 64, 128, 1000])
def test_blocks_give_what_all_scores_give(collection, monkeypatch, block):
    monkeypatch.setattr(evaluation, "_BLOCK", block)
    encoder = Vectors(0)
    found = evaluate(encoder, collection)
    scores = encoder.queries @ encoder.documents.T
    wanted = dict.fromkeys(("ndcg@10", "mrr@10", "recall@100"), 0.0)
    for row, name in enumerate(collection.queries):
        others = {
            docid: score
            for docid, score in zip(collection.ids, scores[row], strict=True)
            if docid != name
        }
        ranking = sorted(others, key=lambda docid: (others[docid], docid), reverse=True)
        grades = collection.qrels[name]
        wanted["ndcg@10"] += ndcg(ranking, grades) / QUERIES
        wanted["mrr@10"] += reciprocal_rank(ranking, grades) / QUERIES
        wanted["recall@100"] += recall(ranking, grades) / QUERIES
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_contrastive_entropy_of_everything(collection):
    """With more negatives than there are, every document that is not relevant counts once.

    The document that is the query, by its id or by its text, does not count.
    """
    vars(collection)["sample"] = Sample(collection.sample.pairs, negatives=10**6)
    encoder = Vectors(1)
    scores = encoder.queries @ encoder.documents.T / encoder.config.temperature
    entropies = []
    for row, (name, grades) in enumerate(collection.qrels.items()):
        relevant = {docid for docid, grade in grades.items() if grade > 0}
        own = dict(zip(collection.ids, scores[row].tolist(), strict=True))
        left_out = {*relevant, name, collection.ids[row]}
        others = sum(math.exp(score) for docid, score in own.items() if docid not in left_out)
        entropies += [
            math.log((math.exp(own[docid]) + others) / math.exp(own[docid])) for docid in relevant
        ]
    found = evaluate(encoder, collection)
    assert found["contrastive_entropy"] == pytest.approx(float(np.mean(entropies)), rel=1e-12)
    assert found["contrastive_entropy_sd"] == pytest.approx(0, abs=1e-12)


def test_faults(beir):
    with pytest.raises(UsageError, match="no qrels for the split 'dve'; it has dev, test, train"):
        Collection.load(str(beir), "dve")
    with pytest.raises(UsageError, match="not in BEIR layout"):
        Collection.load(str(beir / "qrels"), "test")
    lines = (beir / "corpus.jsonl").read_text().splitlines()
    (beir / "corpus.jsonl").write_text("\n".join([*lines, lines[0], '{"_id": "e", "text": ""}']))
    with pytest.raises(EncoderError, match=r"line 7: the id 'statins' was given .* line 1; ids"):
        Collection.load(str(beir), "test")
    faults = []
    loaded = Collection.load(str(beir), "test", faults.append)
    assert len(loaded.ids) == 6 and len(faults) == 2 and "empty" in str(faults[1])
    (beir / "corpus.jsonl").write_text("\n".join(lines))
    lines = (beir / "queries.jsonl").read_text().splitlines()
    (beir / "queries.jsonl").write_text("\n".join(lines[1:]))
    with pytest.raises(EncoderError, match="lacks 1 judged queries, 'statins0' among them"):
        Collection.load(str(beir), "test")
    write_lines(beir / "queries.jsonl", [{"_id": "statins0", "text": "x"}, {"id": "statins1"}])
    with pytest.raises(EncoderError, match=r"queries.jsonl, line 2: expected a query with '_id'"):
        Collection.load(str(beir), "test")


def test_a_query_without_relevant_documents_counts_as_zero(collection):
    """As of trec_eval -c; contrastive entropy is of pairs, and there is none."""
    encoder = Vectors(0)
    (name, grades), *_ = collection.qrels.items()
    without = {query: one for query, one in collection.qrels.items() if query != name}
    queries = {query: collection.queries[query] for query in without}
    others = evaluate(encoder, replace(collection, queries=queries, qrels=without))
    nothing = {**without, name: dict.fromkeys(grades, 0) | {"gone": 1}}
    everything = evaluate(encoder, replace(collection, qrels=nothing))
    for measure in ("ndcg@10", "mrr@10", "recall@100"):
        assert everything[measure] == pytest.approx(others[measure] * (QUERIES - 1) / QUERIES)


@pytest.mark.parametrize("negatives", [True, False])
def test_contrastive_entropy_is_never_its_best_value_by_default(collection, negatives):
    """Without a pair, or without another document in the pair, it would be 0."""
    grades = {"gone": 1} if negatives else dict.fromkeys(collection.ids, 1)
    hopeless = replace(collection, qrels=dict.fromkeys(collection.queries, grades))
    with pytest.raises(EncoderError, match="'c' has no query with a relevant document and another"):
        evaluate(Vectors(0), hopeless)
    (first, own), *_ = collection.qrels.items()
    one = {**hopeless.qrels, first: own}
    alone = replace(
        collection, queries={first: collection.queries[first]}, qrels={first: hopeless.qrels[first]}
    )
    assert evaluate(Vectors(0), replace(collection, qrels=one))["contrastive_entropy"] > 0
    with pytest.raises(EncoderError, match="'c' has no query"):
        evaluate(Vectors(0), alone)


def add_judgements(beir, *lines):
    with (beir / "qrels" / "test.tsv").open("a") as stream:
        stream.writelines(f"{line}\n" for line in lines)


def test_queries_without_a_relevant_document_are_loaded(beir):
    write_lines(
        beir / "queries.jsonl",
        [
            *(json.loads(line) for line in (beir / "queries.jsonl").open()),
            {"_id": "none", "text": "nothing is relevant"},
        ],
    )
    add_judgements(beir, "none\tcats\t0", "none\train\t-1")
    loaded = Collection.load(str(beir), "test")
    assert loaded.qrels["none"] == {"cats": 0, "rain": -1} and "none" in loaded.queries
    (beir / "qrels" / "test.tsv").write_text("none\tcats\t0\n")
    with pytest.raises(UsageError, match="judges no document relevant"):
        Collection.load(str(beir), "test")


def test_judged_documents_that_are_not_there(beir, capsys):
    add_judgements(beir, "statins0\tgone\t1", "statins0\taway\t2", "cats0\tfar\t0")
    Collection.load(str(beir), "test")
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("warning: ")
    assert "test.tsv: 2 of 8 relevant documents are not in the corpus, 'away' among them" in said
    Collection.load(str(beir), "test", warn=lambda text: None)
    assert not capsys.readouterr().err
    lines = (beir / "qrels" / "test.tsv").read_text().splitlines()[1:]
    rows = [f"{line.split()[0]}\tMED-{number}\t1" for number, line in enumerate(lines)]
    (beir / "qrels" / "test.tsv").write_text("\n".join(rows))
    with pytest.raises(EncoderError, match="none of the 12 relevant documents is in the corpus"):
        Collection.load(str(beir), "test")


def test_documents_without_a_common_term_are_not_ranked(collection):
    """An impact index does not return them; of a query that matches nothing there is no ranking."""

    class Terms(Vectors):
        def __init__(self):
            super().__init__(0)
            self.documents[::2] = 0
            self.documents = sparse.csr_matrix(np.maximum(self.documents, 0))
            self.queries = np.maximum(self.queries, 0)
            self.queries[1:] = 0
            self.queries = sparse.csr_matrix(self.queries)

    encoder = Terms()
    found = evaluate(encoder, collection)
    (name, *_), scores = collection.queries, (encoder.queries @ encoder.documents.T).toarray()[0]
    assert 0 < (scores > 0).sum() < 100
    grades = collection.qrels[name]
    relevant = {docid for docid, grade in grades.items() if grade > 0}
    hits = {docid for docid, score in zip(collection.ids, scores, strict=True) if score > 0}
    assert found["recall@100"] == pytest.approx(len(hits & relevant) / len(relevant) / QUERIES)
