"""No key of a training record is dropped without a word: it is read, refused or listed."""

import json

import pytest

from llm_encoders.data.prepare import DataSources, prepare
from llm_encoders.errors import EncoderError
from tests.llm_encoders.conftest import write_lines

PAIR = {"query": "q", "positive": "a"}
TEVATRON = {"query": "q", "positive_passages": [{"docid": "1", "title": "", "text": "a"}]}
CONTRASTIVE = {"question": "q", "pos_pid": "cats", "neg_pids": ["rain"]}


def prepared(tmp_path, *records, corpus=None):
    train = write_lines(tmp_path / "train.jsonl", records)
    data = prepare(DataSources(str(train), corpus and str(corpus)), tmp_path / "data")
    kinds = ("positives", "negatives")
    rows = data.queries.select(range(len(data.queries)))
    return [[data.passages.texts(row[kind])[0] for kind in kinds] for row in rows]


@pytest.mark.parametrize(
    "record",
    [
        {"negative": ["b", "c", "d"]},
        {"negatives": ["b", "c", "d"]},
        {"negative_1": "b", "negative_2": "c", "negative_3": "d"},
        {"negative_2": "c", "negative_10": "d", "negative_1": "b"},
        {"negative_0": "b", "negative_1": "c", "negative_2": None, "negative_3": "d"},
        {"negative": None, "negatives": ["b", "c", "d"], "negative_1": None},
    ],
)
@pytest.mark.parametrize("positive", ["positive", "passage"])
def test_every_way_of_giving_negatives(tmp_path, record, positive):
    """As the same passages in Tevatron's layout."""
    passages = [{"docid": None, "title": "", "text": text} for text in "bcd"]
    expected = prepared(tmp_path, {**TEVATRON, "negative_passages": passages})
    assert expected == [[["a"], ["b", "c", "d"]]]
    assert prepared(tmp_path, {"query": "q", positive: "a", **record}) == expected


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({**PAIR, "negatives": "b"}, "'negatives' must be a list"),
        ({**PAIR, "negatives": [{"text": "b"}]}, "'negatives' must be a text or a list of texts"),
        ({**PAIR, "negative_1": ["b"]}, "'negative_1' must be a text"),
        ({**PAIR, "negative": "b", "negatives": ["c"]}, "given as negative and as negatives"),
        ({**PAIR, "negative_1": "b", "negative": "c"}, "given as negative and as negative_1"),
        ({**PAIR, "negativ": "b"}, "'negativ' .* Did you mean 'negative'"),
        ({**PAIR, "neg": ["b"]}, "'neg' .*not read"),
        ({**PAIR, "hard_negatives": ["b"]}, "'hard_negatives' .* Did you mean 'negatives'"),
        ({**PAIR, "hardNegs": ["b"]}, "'hardNegs' .*not read"),
        ({**PAIR, "negative_ids": ["7"]}, "'negative_ids' .*not read"),
        ({**PAIR, "negative_id": "7"}, "'negative_id' .*not read"),
        ({**PAIR, "passage": "b"}, "'positive' .*not read"),
        ({**PAIR, "label": 0}, "'label' is not read: a positive passage counts as relevant"),
        ({**PAIR, "is_relevant": False}, "'is_relevant' is not read: a positive"),
        ({**PAIR, "score": 0.0}, "'score' .*not read"),
        ({**PAIR, "negative": "b", "label": 0.5}, "'label' is not read"),
        ({**PAIR, "negative": "b", "scores": [1.0, 0.5]}, "'scores' .*not read"),
        ({**PAIR, "bm25score": 7}, "'bm25score' .*not read"),
        ({**PAIR, "question": "q"}, "'question' .*not read"),
        ({"query": "q", "passage": "a", "titel": "t"}, "'titel' .* Did you mean 'title'"),
        ({"query": "q", "passage": "a", "title": "t", "negatives": ["b"]}, "the negatives have no"),
        ({**TEVATRON, "negatives_passages": []}, None),
        (
            {**TEVATRON, "negatives_passages": [{"text": "b"}]},
            "'negatives_passages' .* Did you mean 'negative_passages'",
        ),
        ({**TEVATRON, "ngeative_passages": [{"text": "b"}]}, "Did you mean 'negative_passages'"),
        ({**TEVATRON, "pos_scores": [1.0]}, "'pos_scores' .* Did you mean 'positive_scores'"),
        ({**TEVATRON, "neg_scores": [1.0]}, "'neg_scores' .* Did you mean 'negative_scores'"),
        ({**TEVATRON, "negative_document_ids": ["7"]}, "'negative_document_ids' .*not read"),
        (
            {**TEVATRON, "positive_passages": [{"text": "a", "label": 0}]},
            "the key 'label' of a passage is not read",
        ),
        ({**CONTRASTIVE, "neg_score": [1.0]}, "'neg_score' .* Did you mean 'neg_scores'"),
        ({**CONTRASTIVE, "negatives": ["b"]}, "'negatives' .*not read"),
        ({"_id": "1", "title": "t", "text": "a"}, "those of a document, .* as the corpus"),
        ({"id": "1", "contents": "a"}, "those of a document"),
    ],
)
def test_what_may_hold_passages_labels_or_scores(tmp_path, beir, record, message):
    by_id = "pos_pid" in record
    records = [CONTRASTIVE if by_id else PAIR, record]
    if message is None:  # an empty list says nothing
        assert prepared(tmp_path, *records)[1] == [["a"], []]
        return
    with pytest.raises(EncoderError, match=f"train.jsonl, line 2: .*{message}"):
        prepared(tmp_path, *records, corpus=beir / "corpus.jsonl" if by_id else None)


def test_published_files(tmp_path, beir, capsys):
    """Keys of Tevatron, sentence-transformers and our own commands are no obstacle."""
    corpus = beir / "corpus.jsonl"
    teacher = {"teacher": {"teacher": "t", "dtype": "float32"}}
    prepared(
        tmp_path,
        {"query_id": "1", "answers": ["x"], **TEVATRON, "negative_passages": [], **teacher},
        {**PAIR, "id": 7, "source": "wiki", "positive_id": "1", "label": None},
        {"query": "q", "passage": "a", "passage_id": "1", "title": None, "source": "s"},
        {**PAIR, "negative": "b", "negative_id": "2"},
    )
    prepared(tmp_path, {**CONTRASTIVE, "query_id": "1", **teacher}, corpus=corpus)
    assert "not used" not in capsys.readouterr().out


def test_other_keys_are_listed_once_a_file(tmp_path, capsys):
    """The counts are those of ``json`` over the same lines."""
    keys = ("lang", "url", "shard", "purpose", "position", "post_id")
    records = [{**PAIR, "query": f"q{n}", **dict.fromkeys(keys[: n % 7], n)} for n in range(40)]
    folder = tmp_path / "train"
    folder.mkdir()
    write_lines(folder / "a.jsonl", records)
    passage = {"docid": "2", "text": "b", "url": "u"}
    write_lines(folder / "b.jsonl", [{**TEVATRON, "negative_passages": [passage, passage]}])
    write_lines(folder / "c.jsonl", [{**PAIR, **{f"key {n}": 1 for n in range(25)}}])
    prepare(DataSources(str(folder)), tmp_path / "data")
    lines = capsys.readouterr().out.splitlines()
    read = [json.loads(line) for line in (folder / "a.jsonl").read_text().splitlines()]
    shown = ", ".join(f"{key} ({sum(key in one for one in read)} records)" for key in keys)
    assert lines[0] == f"{folder / 'a.jsonl'}: keys that are not used: {shown}."
    assert lines[1].endswith("b.jsonl: keys that are not used: url of a passage (1 records).")
    assert lines[2].count("(1 records)") == 20 and lines[2].endswith(", 5 more.")
    assert len(lines) == 3


@pytest.mark.parametrize("name", ["squad-dev-1.1", "pubmedqa-labeled", "strategyqa-facts"])
def test_real_pairs(shared_data, tmp_path, name):
    path = shared_data / "pairs" / f"{name}.jsonl.gz"
    data = prepare(DataSources(str(path)), tmp_path / "data")
    assert len(data.queries) > 900


def test_queries_that_are_numbers(tmp_path):
    """Ids in every record are refused, a number among texts is a query."""
    ids = [{"query": str(n), "positive": "a"} for n in (1185869, 403613)]
    with pytest.raises(EncoderError, match="line 1: the queries are whole numbers, such as '1185"):
        prepared(tmp_path, *ids)
    assert len(prepared(tmp_path, *ids, PAIR)) == 3
