"""BM25 for mining: Pyserini's ranking of a store's passages, by row."""

import math
import re

import pytest

from llm_encoders import EncoderError
from llm_encoders.data.passages import Passages, PassageWriter
from llm_encoders.mine_negatives.ranking import declared
from pyserini_ext import commands
from pyserini_ext.rankers import Bm25Ranker
from tests.llm_encoders.conftest import TOPICS

TEXTS = [*TOPICS.values(), "rails rails trains", "trains and cats and cats"]


@pytest.fixture
def passages(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    writer = PassageWriter(folder)
    for number, text in enumerate(TEXTS):
        writer.add(f"an id with spaces {number}", None, text)
    writer.close()
    return Passages(folder)


def bm25(query, k1=0.9, b=0.4):
    """Rows in the order of Lucene's BM25, for words that the stemmer leaves alone but for an s."""
    documents = [[word.rstrip("s") for word in re.findall(r"\w+", text.lower())] for text in TEXTS]
    stops = {"and", "the", "of", "when", "a", "at", "on", "by", "i", "in", "which", "their", "with"}
    documents = [[word for word in words if word not in stops] for words in documents]
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for words in documents:
        score = 0.0
        for term in query.split():
            count, holding = words.count(term.rstrip("s")), 0
            holding = sum(term.rstrip("s") in one for one in documents)
            weight = math.log(1 + (len(TEXTS) - holding + 0.5) / (holding + 0.5))
            score += weight * count / (count + k1 * (1 - b + b * len(words) / mean))
        scores.append(score)
    found = [row for row, score in enumerate(scores) if score > 0]
    return sorted(found, key=lambda row: -scores[row])


@pytest.mark.slow
def test_bm25_ranks_rows_and_is_resumed(tmp_path, passages, monkeypatch):
    work = tmp_path / "work with cacm in its name"
    ranker = Bm25Ranker(passages, work, index=None, threads=1)
    queries = ["trains rails", "cats", "zebra", "bread"]
    found = ranker.rank(queries, 5)
    assert found == [bm25(query) for query in queries]
    assert len(found[0]) == 3 and found[2] == []
    monkeypatch.setattr(commands, "run", lambda *words, **options: pytest.fail("indexes again"))
    Bm25Ranker(passages, work, index=None, threads=1)


def test_an_index_that_a_kill_has_left_is_made_again(tmp_path, passages, monkeypatch):
    (tmp_path / "work" / "index").mkdir(parents=True)
    (tmp_path / "work" / "index" / "half").touch()
    called = []
    monkeypatch.setattr(commands, "run", lambda *words, **options: called.append(words))
    Bm25Ranker(passages, tmp_path / "work", index=None, threads=1)
    assert not (tmp_path / "work" / "index" / "half").exists()
    assert called[0][0] == "pyserini.index.lucene"


def test_an_index_that_is_given_names_passages_by_id(tmp_path, passages, monkeypatch):
    (tmp_path / "given").mkdir()
    ranker = Bm25Ranker(passages, tmp_path / "work", index=tmp_path / "given", threads=1)
    monkeypatch.setattr(commands, "run", lambda *words, **options: None)
    run = {"0": [("an id with spaces 3", 2.0), ("an id with spaces 1", 1.0)]}
    monkeypatch.setattr(commands, "read_run", lambda path: run)
    assert ranker.rank(["q", "r"], 5) == [[3, 1], []]
    run["0"].append(("elsewhere", 0.5))
    with pytest.raises(EncoderError, match="holds a passage 'elsewhere'"):
        ranker.rank(["q"], 5)


def test_it_is_declared():
    assert declared()["bm25"].value == "pyserini_ext.rankers:Bm25Ranker"
