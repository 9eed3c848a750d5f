"""Options beside one of our encoders, as Pyserini's own parsers read them; others are as ever."""

import argparse
import importlib

import pytest

from llm_encoders.errors import EncoderError, UsageError
from pyserini_ext.bridge import search_options

OURS = ("--encoder", "llm-splade-tiny")


@pytest.fixture
def parse(tmp_path):
    """Parse a command line with and without our check; returns both."""

    def parse(kind, *words):
        found = []
        for guarded in (False, True):
            module = importlib.import_module(f"pyserini.search.{kind}.__main__")
            parser = argparse.ArgumentParser()
            define = "define_search_args" if kind == "lucene" else "define_dsearch_args"
            getattr(module, define)(parser)
            if guarded:
                search_options.guard(parser, getattr(search_options, f"check_{kind}"))
            more = ("--topics", "t.tsv") if kind == "lucene" else ()
            found.append(vars(parser.parse_args([*more, "--index", str(tmp_path), *words])))
        return found

    return parse


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("lucene", ["--bm25"]),
        ("lucene", ["--encoder", "naver/splade-v3", "--qld", "--pretokenized"]),
        ("lucene", ["--impact", "--encoder", "naver/splade-v3", "--k1", "1"]),
        ("lucene", ["--impact", *OURS, "--hits", "10", "--language", "en", "--min-idf", "1"]),
        ("lucene", ["--imp", "--encoder=llm-splade-8b"]),  # argparse takes abbreviations
        ("faiss", ["--encoder", "BAAI/bge-base-en-v1.5", "--searcher", "bpr"]),
        ("faiss", ["--encoder", "llm-dense-tiny", "--encoder-class", "auto", "--searcher", "bpr"]),
        ("faiss", ["--encoder", "llm-dense-tiny", "--prf-depth", "3", "--prf-method", "rocchio"]),
    ],
)
def test_what_works_is_parsed_as_ever(parse, kind, words, capsys):
    plain, checked = parse(kind, *words)
    assert checked == plain and not capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--encoder", "llm-splade-tiny"], r"would be BM25 and not use llm-splade-tiny\. Add --im"),
        (["--bm25", "--encoder=llm-splade-8b"], "Add --impact"),
        (
            ["--encoder", "llm-dense-tiny"],
            "dense encoder and has no impacts.*pyserini.search.faiss",
        ),
        (["--encoder", "llm-dense-tiny", "--dense", "--flat"], "pyserini.search.faiss"),
        (["--impact", "--encoder", "llm-dense-tiny"], "pyserini.search.faiss"),
        ([*OURS, "--impact", "--dense"], "--dense does not search with llm-splade-tiny"),
    ],
)
def test_a_search_that_would_not_use_the_encoder_is_refused(parse, words, message):
    with pytest.raises(UsageError, match=message):
        parse("lucene", *words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--qld"], "--qld does not work with --impact; leave it out."),
        (["--bm25qs"], "--bm25qs does not work with --impact"),
        (["--lang", "zh"], "--language does not work with --impact"),
        (["--k1", "0.9"], "--k1 does not work with --impact"),
        (["--b", "0.4", "--k1", "0.9"], "--k1 and --b do not work with --impact; leave them out."),
        (["--fields", "title=2"], "--fields does not work"),
        (["--dismax", "--dismax.tiebreaker", "0"], "--dismax and --dismax.tiebreaker do not"),
        (["--stopwords", "x"], "--stopwords does not work"),
        (["--tokenizer", "x"], "--tokenizer does not work"),
        (["--encoded-corpus", "x"], "--encoded-corpus does not work"),
    ],
)
def test_options_that_the_impact_searcher_lacks(parse, words, message):
    with pytest.raises(UsageError) as caught:
        parse("lucene", "--impact", *OURS, *words)
    assert str(caught.value).startswith(message)


def test_an_option_without_effect_is_named(parse, capsys):
    plain, checked = parse("lucene", "--impact", *OURS, "--pretokenized")
    assert plain == checked
    assert "warning: --pretokenized is ignored; llm-splade-tiny" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--searcher", "BPR"], "--searcher bpr does not work with llm-dense-tiny"),
        (["--prf-method", "ance-prf"], "--prf-method ance-prf does not work"),
        (["--index", "nowhere"], "There is no folder nowhere"),
    ],
)
def test_what_a_dense_search_cannot_do(parse, words, message):
    with pytest.raises(EncoderError, match=message):
        parse("faiss", "--encoder", "llm-dense-tiny", *words)


def test_indexes_that_pyserini_knows_are_not_looked_for(parse):
    words = ("--impact", *OURS, "--index")
    plain, checked = parse("lucene", *words, "msmarco-v1-passage.unicoil")
    assert plain == checked
    with pytest.raises(EncoderError, match="no folder msmarco-v1-passage.unicorn"):
        parse("lucene", *words, "msmarco-v1-passage.unicorn")
