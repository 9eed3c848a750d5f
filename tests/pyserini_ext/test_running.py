"""Running Pyserini's commands in real processes, and reading what they print and write."""

import json

import pandas
import pytest

from llm_encoders import EncoderError
from pyserini_ext import commands, java

INDEX = (
    *("--collection", "JsonCollection", "--generator", "DefaultLuceneDocumentGenerator"),
    *("--threads", "1"),
)


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    documents = {"d1": "cat dog", "d2": "dog frog", "d3": ""}
    lines = [json.dumps({"id": i, "contents": text}) for i, text in documents.items()]
    (folder / "c.jsonl").write_text("\n".join(lines))
    return folder


@pytest.mark.slow
def test_words_in_a_folder_steer_nothing(tmp_path, corpus):
    """Pyserini asks the Hub for documents to exclude where an index path holds 'bright-aops'."""
    work = tmp_path / "beir-cacm-bright-aops"
    work.mkdir()
    log = work / "index.log"
    words = (*INDEX, "--input", corpus, "--index", "index")
    outcome = commands.run("pyserini.index.lucene", *words, folder=work, log=log)
    assert outcome.output == log.read_text() and outcome.seconds > 0
    commands.write_topics(work / "topics.json", {"a b": "frog", "2": "dog"})
    words = ("--index", "index", "--topics", "topics.json", "--output", "run.txt", "--bm25")
    commands.run("pyserini.search.lucene", *words, folder=work)
    text = (work / "run.txt").read_text().replace("a b", "ab")
    (work / "run.txt").write_text(text)
    run = commands.read_run(work / "run.txt")
    assert [docid for docid, _ in run["ab"]] == ["d2"]
    assert {docid for docid, _ in run["2"]} == {"d1", "d2"}
    commands.write_run(work / "again.txt", run, "Anserini")
    assert commands.read_run(work / "again.txt") == run
    (work / "qrels.txt").write_text("ab 0 d2 1\n2 0 d9 1\n")
    words = ("-c", "-m", "recip_rank", "-m", "recall.100", "qrels.txt", "run.txt")
    evaluated = commands.run("pyserini.eval.trec_eval", *words, folder=work)
    assert commands.trec_eval_figures(evaluated.output) == {"recip_rank": 0.5, "recall_100": 0.5}


@pytest.mark.slow
def test_a_failure_that_anserini_reports_with_exit_code_0(corpus, tmp_path):
    with (corpus / "c.jsonl").open("a") as stream:
        stream.write("\nno JSON\n")
    words = (*INDEX, "--input", corpus, "--index", tmp_path / "index")
    with pytest.raises(EncoderError, match=r"pyserini\.index\.lucene reported errors: .*'no'"):
        commands.run("pyserini.index.lucene", *words)


@pytest.mark.parametrize(
    ("options", "meaning"),
    [("-Xmx2m", "heap is too small"), ("-Xfoo", "does not start"), ("-Xms2g -Xmx1g", "options")],
)
def test_trouble_with_java_leads_to_the_doctor(monkeypatch, tmp_path, options, meaning):
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", options)
    words = ("-c", "qrels.txt", "run.txt")
    with pytest.raises(EncoderError, match=meaning) as caught:
        commands.run("pyserini.eval.trec_eval", *words, log=tmp_path / "log")
    message = str(caught.value)
    assert java.DOCTOR in message and "\n" not in message
    assert f"{tmp_path / 'log'}." in message


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("", "it printed nothing"),
        ("one\n\ntwo\n", "two"),
        ("error: no such file.\nWARNING: deprecated\n", "no such file."),
        (
            "Traceback (most recent call last):\n  File x\n    a()\nKeyError: 'a'\n  at b\n",
            "KeyErr",
        ),
        ("2026 ERROR [main] a.B (B.java:1) - first\n2026 ERROR [main] a.B - second", "first"),
        ("jnius: java.lang.OutOfMemoryError: Java heap space", "heap is too small. Run python"),
        ("java.lang.UnsupportedClassVersionError: io/anserini/a (65.0)", "too old"),
        ("Exception: Unable to find javac", "No Java is found"),
    ],
)
def test_reason_of_a_failure(printed, reason):
    assert reason in commands.reason(printed)


def test_figures_leave_out_queries_and_the_run_id():
    printed = "runid\tall\tx\nmap  \tq1\t1.0\nmap\tall\t0.25\nwords of no use\n"
    assert commands.trec_eval_figures(printed) == {"map": 0.25}


def test_faulty_files(tmp_path):
    (tmp_path / "run.txt").write_text("q Q0 d 1 2.5 t\nq Q0 d 2 high t\n")
    with pytest.raises(EncoderError, match=r"run\.txt, line 2"):
        commands.read_run(tmp_path / "run.txt")
    with pytest.raises(ValueError, match="only"):
        commands.write_topics(tmp_path / "topics.tsv", {})


@pytest.mark.parametrize(
    ("queries", "documents", "needed"),
    [
        (["1", "12"], ["d1", "7"], False),
        (["PLAIN-3", "test-arg.1a"], ["MED-1", "007", "1e5"], False),
        (["007"], ["d"], True),
        (["1", "a"], ["d"], True),
        (["1e5"], ["d"], True),
        (["NaN"], ["d"], True),
        (["q1"], ["NA", "d"], True),
        (["q1"], ['"d', "e"], True),
        (["q1"], ["-inf", "e"], True),
        (["q1"], ["#N/A", "e"], True),
    ],
)
def test_ids_survive_the_fusion(tmp_path, queries, documents, needed):
    """As Pyserini's fusion reads runs, the ids or their stand-ins come back as they are."""
    hits = [(docid, 2.5 - i) for i, docid in enumerate(documents)]
    run = {query_id: hits for query_id in queries}
    ids = commands.FusionIds([run])
    assert ids.needed == needed
    commands.write_run(tmp_path / "run.txt", ids.replace(run) if needed else run, "t")
    names = ["topic", "q0", "docid", "rank", "score", "tag"]
    frame = pandas.read_csv(
        tmp_path / "run.txt", sep=r"\s+", names=names, dtype={"docid": "str", "score": "float"}
    )
    found = {}
    for topic, docid, score in zip(frame.topic, frame.docid, frame.score, strict=True):
        found.setdefault(str(topic), []).append((docid, score))
    assert (ids.restore(found) if needed else found) == run
