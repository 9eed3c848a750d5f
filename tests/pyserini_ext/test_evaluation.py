"""The trainer's evaluation against Pyserini: the same encoder searched and judged by trec_eval."""

import json

import pytest

from llm_encoders import load_encoder
from llm_encoders.encoding.impacts import quantize
from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.evaluate import evaluate
from pyserini_ext.commands import trec_eval_figures, write_topics

DOCUMENTS, QUERIES = 130, 12
"""All documents are retrieved, so that ties at the end of a run decide nothing."""


class AsIndexed:
    """A sparse encoder whose weights are the integers of an impact index."""

    def __init__(self, encoder):
        self.encoder, self.config = encoder, encoder.config

    def encode_queries(self, texts):
        return quantize(self.encoder.encode_queries(texts), self.config.impact_scale)

    def encode_documents(self, texts, titles):
        return quantize(self.encoder.encode_documents(texts, titles), self.config.impact_scale)


@pytest.fixture(scope="module")
def folder(shared_data, tmp_path_factory):
    """Part of nfcorpus, in which one query is a document, too, as in ArguAna.

    One query has no relevant document, and some judged documents are not there.
    """
    source, folder = shared_data / "collections" / "nfcorpus", tmp_path_factory.mktemp("part")
    rows = [line.split("\t") for line in (source / "qrels" / "test.tsv").open()][1:]
    *names, hopeless = sorted({row[0] for row in rows})[: QUERIES + 1]
    judged = {row[1] for name in names for row in [r for r in rows if r[0] == name][:8]}
    documents = [json.loads(line) for line in (source / "corpus.jsonl").open()]
    documents.sort(key=lambda record: record["_id"] not in judged)
    documents = documents[:DOCUMENTS]
    kept = {record["_id"] for record in documents}
    queries = [json.loads(line) for line in (source / "queries.jsonl").open()]
    own = next(record for record in queries if record["_id"] == names[0])
    documents.append({**own, "title": ""})
    _write(folder / "corpus.jsonl", documents)
    _write(folder / "queries.jsonl", [one for one in queries if one["_id"] in [*names, hopeless]])
    (folder / "qrels").mkdir()
    lines = ["\t".join(row) for row in rows if row[0] in names and row[1] in kept]
    lines += [f"{names[0]}\t{names[0]}\t2\n", f"{names[1]}\tgone\t2\n", f"{names[2]}\taway\t0\n"]
    lines += [f"{hopeless}\t{min(kept)}\t0\n", f"{hopeless}\t{max(kept)}\t-1\n"]
    (folder / "qrels" / "test.tsv").write_text("".join(lines))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["llm-splade-tiny", pytest.param("llm-dense-tiny", marks=pytest.mark.whole)]
)
def test_against_pyserini_and_trec_eval(warm_python, tmp_path, folder, name):
    collection = Collection.load(str(folder), "test")
    encoder = load_encoder(name, device="cpu")
    sparse = encoder.config.paradigm == "sparse"
    found = evaluate(AsIndexed(encoder) if sparse else encoder, collection)

    index, topics, run = tmp_path / "index", tmp_path / "topics.json", tmp_path / "run.txt"
    to = "--to-lucene" if sparse else "--to-faiss"
    corpus = folder / "corpus.jsonl"
    words = ("--encoder", name, "--corpus", corpus, "--embeddings", index, to)
    warm_python("-m", "pyserini.encode", *words)
    write_topics(topics, collection.queries)
    search = "pyserini.search.lucene" if sparse else "pyserini.search.faiss"
    words = ("--index", index, "--encoder", name, "--topics", topics, "--output", run)
    more = ("--hits", DOCUMENTS + 1, "--threads", 1, "--batch-size", 64, "--remove-query")
    warm_python("-m", search, *words, *more, *(["--impact"] if sparse else []))
    qrels = tmp_path / "qrels.txt"
    rows = [line.split() for line in (folder / "qrels" / "test.tsv").open()]
    qrels.write_text("".join(f"{query} 0 {docid} {grade}\n" for query, docid, grade in rows))
    assert len({row[0] for row in rows}) == QUERIES + 1
    figures = {}
    for options in (("-m", "ndcg_cut.10", "-m", "recall.100"), ("-M", 10, "-m", "recip_rank")):
        shown = warm_python("-m", "pyserini.eval.trec_eval", "-c", *options, qrels, run).stdout
        figures |= trec_eval_figures(shown)
    wanted = {"ndcg@10": "ndcg_cut_10", "recall@100": "recall_100", "mrr@10": "recip_rank"}
    for ours, theirs in wanted.items():
        assert found[ours] == pytest.approx(figures[theirs], abs=6e-5), ours


def _write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
