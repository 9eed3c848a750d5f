"""No positive of a query is its negative, in whatever record or under whatever id it stands.

The expected values come from comparing all records with each other, by a normalisation of its own.
"""

import functools
import gzip
import itertools
import json
import random
import re

import numpy as np
import pytest

from llm_encoders.data.prepare import DataSources, prepare
from llm_encoders.data.text_keys import normalised, text_key
from llm_encoders.errors import EncoderError
from llm_encoders.train.batches import Sampling, TrainingBatches
from tests.llm_encoders.conftest import write_lines

WORDS = ["Sun", "star", "ﬁne", "cats", "Mice"]


def same(one, other):
    """Equality but for case, white space and ligatures, without the code under test."""
    return plain(one) == plain(other)


@functools.cache
def plain(text):
    return re.sub(r"\s+", " ", text.replace("ﬁ", "fi")).strip().lower()


def varied(text, generator):
    return generator.choice([text, text.upper(), f"  {text}", text.replace(" ", "\t ")])


def random_records(generator, layout):
    """Records with few distinct texts, so that queries and passages often coincide."""

    def text():
        return varied(" ".join(generator.sample(WORDS, generator.choice([1, 2]))), generator)

    for number in range(60):
        positives = [text() for _ in range(generator.choice([1, 2]))]
        negatives = [text() for _ in range(generator.choice([0, 1, 3]))]
        if layout == "pair":
            yield {"query": text(), "passage": positives[0], "title": f"title {number}"}
        elif layout == "triple":
            yield {"query": text(), "positive": positives, "negative": negatives}
        else:
            yield {
                "query": text(),
                "positive_passages": [
                    {"docid": f"p{number}-{i}", "text": t} for i, t in enumerate(positives)
                ],
                "negative_passages": [
                    {"docid": f"n{number}-{i}", "text": t} for i, t in enumerate(negatives)
                ],
                "positive_scores": None,
            }


def batches_of(data, queries, negatives=3, seed=1):
    def tokenize(texts, titles=None):
        return [[len(text)] for text in texts]

    return TrainingBatches(data, Sampling(queries, negatives, seed), 8, tokenize, tokenize)


def text_of(data, row):
    (text,), (title,) = data.passages.texts([row])
    return text if text.strip() else title


@pytest.mark.parametrize("layout", ["pair", "triple", "tevatron"])
def test_against_comparing_everything(tmp_path, layout):
    for seed in range(2):
        generator = random.Random(seed)
        train = write_lines(tmp_path / "train.jsonl", list(random_records(generator, layout)))
        every = prepare(DataSources(str(train)), tmp_path / "every", every_passage=True)
        data = prepare(DataSources(str(train)), tmp_path / "data")
        raw = every.queries.select(range(len(every.queries)))
        known = [  # of each record, all positives of equal queries, and the query
            [text_of(every, row) for two in raw if same(one["query"], two["query"])
             for row in two["positives"]] + [one["query"]]
            for one in raw
        ]  # fmt: skip
        all_texts = data.passages.texts(range(len(data.passages)))[0]
        for one, kept, relevant in zip(raw, data.queries.select(range(60)), known, strict=True):
            wanted = [
                text_of(every, row)
                for row in one["negatives"]
                if not any(same(text_of(every, row), text) for text in relevant)
            ]
            assert [text_of(data, row) for row in kept["negatives"]] == wanted
            rows = list(range(len(data.passages)))
            brute = [any(same(text, t) for t in relevant) for text in all_texts]
            assert data.excluded_negatives(kept, rows).tolist() == brute
        sampled = batches_of(data, 16)
        for step in range(4):
            drawn = [sampled._draw(place) for place in sampled._places(step)]
            candidates = sampled._candidates([drawn], [[]])
            texts = list(data.passages.texts([row for one in drawn for row in one.rows])[0])
            for number, one in enumerate(drawn):
                own = int(candidates.groups[number, 0])
                relevant = next(
                    k for k, r in zip(known, raw, strict=True) if same(r["query"], one.query)
                )
                for column, text in enumerate(texts):
                    wanted = column != own and any(same(text, other) for other in relevant)
                    assert bool(candidates.excluded[number, column]) == wanted


def test_keys_are_those_of_normalised_texts():
    texts = ["ﬁne  Cats\n", "fine cats", "fine cat s", "", "Straße", "STRASSE", "é", "e\u0301"]
    for one, other in itertools.product(texts, repeat=2):
        assert (text_key(one) == text_key(other)) == (normalised(one) == normalised(other))
    assert normalised(texts[0]) == normalised(texts[1]) != normalised(texts[2])
    assert normalised("Straße") == normalised("STRASSE")
    assert normalised("é") == normalised("e\u0301")


def test_scores_stay_with_their_negatives(tmp_path, beir):
    lines = [
        {"query": "Q", "docids": ["cats", "rain", "bread", "chess"], "scores": [9.0, 1, 2, 3]},
        {"query": "q ", "docids": ["bread", "trains"], "scores": [8.0, 4]},
        {"query": "q", "docids": ["chess", "cats"], "scores": [7.0, 5]},
    ]
    sources = DataSources(
        str(write_lines(tmp_path / "train.jsonl", lines)), str(beir / "corpus.jsonl")
    )
    data = prepare(sources, tmp_path / "data", need_scores=True)
    found = [
        (data.passages.ids(one["positives"] + one["negatives"]), one["negative_scores"])
        for one in data.queries.select(range(3))
    ]
    assert found == [(["cats", "rain"], [1.0]), (["bread", "trains"], [4.0]), (["chess"], [])]
    kept = prepare(sources, tmp_path / "alone", need_scores=True, need_negatives=True)
    assert len(kept.queries) == 2  # the third has no negatives left
    assert len({one["group"] for one in data.queries.select(range(3))}) == 1


def test_the_document_that_is_the_query(tmp_path):
    """As in ArguAna and Quora: queries are documents, with their ids."""
    (tmp_path / "qrels").mkdir()
    write_lines(
        tmp_path / "corpus.jsonl",
        [
            {"_id": "1", "text": "The sun is a star"},
            {"_id": "2", "text": "the  SUN is a star"},
            {"_id": "3", "text": "a query about cats, shortened"},
            {"_id": "4", "text": "cats hunt"},
            {"_id": "5", "title": "The Sun", "text": "is a star"},
        ],
    )
    write_lines(
        tmp_path / "queries.jsonl",
        [{"_id": "1", "text": "The sun is a star"}, {"_id": "3", "text": "about cats"}],
    )
    (tmp_path / "qrels" / "train.tsv").write_text("1\t4\t1\n3\t4\t1\n")
    data = prepare(DataSources(str(tmp_path)), tmp_path / ".data")
    first, second = data.queries.select([0, 1])
    assert (first["id"], second["id"]) == ("1", "3")
    rows = [data.passages.row(name) for name in "12345"]
    assert data.excluded_negatives(first, rows).tolist() == [True, True, False, True, True]
    assert data.excluded_negatives(second, rows).tolist() == [False, False, True, True, False]
    assert set(data.relevance.of(second["group"]).tolist()) == {
        text_key(text) for text in ("about cats", "cats hunt", "a query about cats, shortened")
    }


def test_policyqa(shared_data, tmp_path):
    """Most of its records share their query with others."""
    with gzip.open(shared_data / "pairs" / "policyqa.jsonl.gz", "rt", encoding="utf-8") as stream:
        records = [json.loads(line) for line in stream][:600]
    data = prepare(DataSources(str(write_lines(tmp_path / "t.jsonl", records))), tmp_path / "data")
    sampled = batches_of(data, 50)
    by_query: dict[str, set[str]] = {}
    for record in records:
        by_query.setdefault(normalised(record["query"]), set()).add(normalised(record["passage"]))
    assert len(by_query) < 300
    for step in range(4):
        drawn = [sampled._draw(place) for place in sampled._places(step)]
        excluded = sampled._candidates([drawn], [[]]).excluded.numpy()
        texts = [normalised(text_of(data, one.rows[0])) for one in drawn]
        wanted = np.array([[t in by_query[normalised(one.query)] for t in texts] for one in drawn])
        np.fill_diagonal(wanted, False)
        assert (excluded == wanted).all() and excluded.any()


def inline(docid, text, title=""):
    return {"docid": docid, "title": title, "text": text}


def tevatron(query, positives, negatives):
    return {"query": query, "positive_passages": positives, "negative_passages": negatives}


@pytest.mark.parametrize("least", [0, 1])
@pytest.mark.parametrize("restart", [True, False])
def test_passages_numbered_per_record(tmp_path, least, restart):
    texts = [["Statins help.", "Cats chase.", "Rain falls."], ["A star.", "Bread.", "Snow."]]
    second = least if restart else least + 1
    records = [
        tevatron(
            query,
            [inline(str(least), one)],
            [inline(str(second), two), inline(str(second + 1), three)],
        )
        for query, (one, two, three) in zip(["a", "b"], texts, strict=True)
    ]
    train = write_lines(tmp_path / "train.jsonl", records)
    data = prepare(DataSources(str(train)), tmp_path / "data")
    for one, wanted in zip(data.queries.select([0, 1]), texts, strict=True):
        assert data.passages.texts(one["positives"] + one["negatives"])[0] == wanted


@pytest.mark.parametrize("apart", [False, True])
def test_an_id_with_two_texts(tmp_path, apart):
    """Within one file, and in files that are read together."""
    records = [
        tevatron("a", [inline("d7", "Statins help.")], [inline("d8", "Cats chase.")]),
        tevatron("b", [inline("d9", "A star.")], [inline("d8", "cats  CHASE.")]),
        tevatron("c", [inline("d7", "The sun.")], []),
    ]
    folder = tmp_path / "train"
    folder.mkdir()
    write_lines(folder / "a.jsonl", records[:2] if apart else records)
    if apart:
        write_lines(folder / "b.jsonl", records[2:])
    second = "b.jsonl, line 1" if apart else "a.jsonl, line 3"
    message = f"{second}: the passage 'd7' has another text than at .*a.jsonl, line 1; an id must"
    with pytest.raises(EncoderError, match=message):
        prepare(DataSources(str(folder)), tmp_path / "data")
    assert not (tmp_path / "data").exists()
