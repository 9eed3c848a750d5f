"""TSV that may be MS MARCO's ids, judgements or queries alone is refused, not trained on."""

import pytest

from llm_encoders.data.prepare import DataSources, prepare
from llm_encoders.errors import EncoderError
from tests.llm_encoders.conftest import TOPICS, write_lines


def prepared(path, content, corpus=None):
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    data = prepare(DataSources(str(path), corpus and str(corpus)), path.parent / "data")
    return [row["query"] for row in data.queries.select(range(len(data.queries)))]


@pytest.fixture
def corpus(tmp_path):
    """Passages that MS MARCO's files would find by their ids."""
    texts = list(TOPICS.values())
    return write_lines(
        tmp_path / "corpus.jsonl", [{"id": str(n), "text": text} for n, text in enumerate(texts)]
    )


@pytest.mark.parametrize("with_corpus", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1185869\t0\t1\t1\n1185868\t0\t2\t1\n", "TREC qrels, by their four columns"),
        ("q1\t0\t3\t2\nq1\t0\t2\t0\n", "TREC qrels, by their four columns"),
        ("1185869\t0\t2\n1185869\t0\t3\n", "such as '1185869': query ids, not texts"),
        ("1185869\t0\n", "query ids, not texts"),
        ("121352\tdefine extreme\n634306\twhat is a chattel\n", "query ids, not texts"),
        ("qid\tpid\n7\t1\n", "query ids, not texts"),
    ],
)
def test_ids_for_texts(tmp_path, corpus, content, message, with_corpus):
    with pytest.raises(EncoderError, match=f"train.tsv, line [12]: .*{message}") as caught:
        prepared(tmp_path / "train.tsv", content, corpus if with_corpus else None)
    assert not (tmp_path / "data").exists() and str(tmp_path) in str(caught.value)


def test_a_large_file_of_ids_is_not_read_to_its_end(tmp_path):
    """A line that is none comes later; a text among the first rows settles it."""
    rows = [f"{n}\tsome text" for n in range(1500)]
    with pytest.raises(EncoderError, match="line 1: the queries are whole numbers"):
        prepared(tmp_path / "a.tsv", "\n".join([*rows, "one column"]))
    read = prepared(tmp_path / "b.tsv", "\n".join([*rows[:900], "a query\ta text", *rows]))
    assert read == [*map(str, range(900)), "a query", *map(str, range(1500))]


def test_four_columns_of_passages(tmp_path, corpus):
    """Texts, or ids behind the text of a query, are no qrels."""
    for content in ("some words\t0\t1\t2\n", "word\t0\t1\t2\nother\t3\t1\t2\n"):
        assert prepared(tmp_path / "train.tsv", content, corpus) == [
            line.split("\t")[0] for line in content.splitlines()
        ]
    assert prepared(tmp_path / "train.tsv", "cats\tsame\ta cat\ta dog\n") == ["cats"]


@pytest.mark.parametrize(
    "name",
    ["qrels.train.tsv", "queries.train.tsv", "topics.dl19.tsv", "qrels/train.tsv", "QRELS.TSV"],
)
def test_names_of_other_files(tmp_path, name):
    with pytest.raises(EncoderError, match="by its name, queries or judgements alone"):
        prepared(tmp_path / name, "PLAIN-3\tbreast cancer cells\nPLAIN-4\tstatins\n")


def test_json_says_what_it_is(tmp_path):
    path = write_lines(tmp_path / "queries.train.jsonl", [{"query": "a", "passage": "b"}])
    assert len(prepare(DataSources(str(path)), tmp_path / "data").queries) == 1


@pytest.mark.parametrize(
    "header",
    [
        "query\tpassage",
        "query\tdocument",
        "question\tpos",
        "qid\tpid",
        "Query Text\tPositive Passage",
    ],
)
def test_headers_are_left_out(tmp_path, header):
    assert prepared(tmp_path / "train.tsv", f"{header}\na\tb\n{header}\nc\td\n") == ["a", "c"]


@pytest.mark.parametrize(
    "header",
    [
        "query\tpassage\tscore",
        "query\tpositive\tlabel",
        "query-id\tcorpus-id\tscore",
        "query\tanswer",
        "passage\tquery",
        "query\tquery",
    ],
)
def test_headers_of_other_columns(tmp_path, header):
    row = "\t".join("abc"[: header.count("\t") + 1])
    with pytest.raises(EncoderError, match="train.tsv, line 1: a header .* the query first"):
        prepared(tmp_path / "train.tsv", f"{header}\n{row}\n")
    assert len(prepared(tmp_path / "train.tsv", f"{row}\n{header}\n")) == 2
