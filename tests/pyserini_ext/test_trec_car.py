"""TREC CAR from its files to trec_eval, through Pyserini's commands."""

import pytest

from llm_encoders.corpora import open_corpus
from llm_encoders.corpora.trec_car.pages import Level, TopicText
from llm_encoders.trec_car.job import write_qrels, write_topics
from pyserini_ext.commands import read_run, trec_eval_figures
from pyserini_ext.encode.scan import scan_corpus
from tests import trec_car as car

SENTENCES = {
    "Volcano": {
        "Eruption": "An eruption throws ash and gas high into the air.",
        "Lava flow": "Lava flows down the slope and cools to rock.",
    },
    "Coffee": {
        "Roasting": "Beans are roasted until they crack and turn brown.",
        "Brewing": "Hot water is poured over ground coffee.",
    },
    "Whale": {"Song": "Male whales sing long songs in the breeding season."},
}
SOURCES = 4


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory):
    """A folder as the releases unpack: articles, outlines, paragraphs; and which are relevant."""
    folder = tmp_path_factory.mktemp("car")
    articles, outlines, paragraphs, relevant = [], [], [], {}

    def paragraph(topic, *bodies):
        docid = f"{len(paragraphs):040x}"
        paragraphs.append(car.paragraph(docid, *bodies))
        relevant.setdefault(topic, set()).add(docid)
        return car.para(docid, *bodies)

    for title, sections in SENTENCES.items():
        page, children, stubs = f"enwiki:{title}", [], []
        lead = paragraph(page, f"This article is about the {title.lower()}.")
        for heading, sentence in sections.items():
            name = heading.replace(" ", "%20")
            found = [
                paragraph(
                    f"{page}/{name}", sentence, f" So says source {n} on ", car.link(title, title)
                )
                for n in range(SOURCES)
            ]
            children.append(car.section(heading, name, *found))
            stubs.append(car.section(heading, name))
        articles.append(car.page(title, page, lead, *children))
        outlines.append(car.page(title, page, *stubs))
    car.write(folder / "test.pages.cbor", car.PAGES, articles)
    car.write(folder / "test.pages.cbor-outlines.cbor", car.OUTLINES, outlines)
    corpus = folder / "paragraphCorpus"
    corpus.mkdir()
    car.write(corpus / "dedup.articles-paragraphs.cbor", car.PARAGRAPHS, sorted(paragraphs))
    (corpus / "README.mkd").touch()
    return folder, relevant


def test_the_corpus_scan_leads_into_the_middle(benchmark):
    corpus = open_corpus(str(benchmark[0] / "paragraphCorpus"))
    scan = scan_corpus(corpus, 5, lambda fault: pytest.fail(str(fault)))
    whole = list(scan.documents_from(corpus, 0))
    assert scan.documents == len(whole) == 23 and len(scan.entries) == 5
    for first in range(0, 23, 5):
        assert list(scan.documents_from(corpus, first)) == whole[first:]


@pytest.mark.slow
def test_from_files_to_trec_eval(warm_python, benchmark, tmp_path, monkeypatch):
    folder, relevant = benchmark
    monkeypatch.chdir(tmp_path)
    topics, qrels, run = (tmp_path / name for name in ("topics.tsv", "qrels.txt", "run.txt"))
    write_topics(
        [folder / "test.pages.cbor-outlines.cbor"], topics, Level.HIERARCHICAL, TopicText.PATH
    )
    write_qrels([folder / "test.pages.cbor"], qrels, Level.HIERARCHICAL)
    encoder = ["--encoder", "llm-splade-tiny"]
    corpus = ["--corpus", folder / "paragraphCorpus"]
    embeddings = ["--embeddings", "index", "--to-lucene"]
    warm_python("-m", "pyserini.encode", *encoder, *corpus, *embeddings)
    search = ["--impact", *encoder, "--index", "index", "--topics", topics, "--output", run]
    warm_python("-m", "pyserini.search.lucene", *search, "--hits", 100)
    measures = ["-c", "-m", "map", "-m", "recall.100"]
    said = warm_python("-m", "pyserini.eval.trec_eval", *measures, qrels, run).stdout
    found = read_run(run)
    assert set(found) == set(relevant) and len(found) == 8
    average = sum(average_precision(found[name], relevant[name]) for name in relevant) / 8
    assert trec_eval_figures(said) == {"map": round(average, 4), "recall_100": 1.0}
    assert 0.5 < average < 1  # the leads compete with their sections


def average_precision(ranking, relevant):
    ranks = [n for n, (docid, _) in enumerate(ranking, start=1) if docid in relevant]
    return sum(hit / rank for hit, rank in enumerate(ranks, start=1)) / len(relevant)
