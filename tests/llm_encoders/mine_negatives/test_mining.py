"""Negatives come from the ranking, are never known positives, and false ones are left out."""

import json

import pytest

from llm_encoders import UsageError
from llm_encoders.data.prepare import DataSources
from llm_encoders.mine_negatives import job
from llm_encoders.mine_negatives.job import Mining, mine
from llm_encoders.teachers.base import Teacher
from tests.llm_encoders.conftest import TOPICS, beir, write_lines  # noqa: F401

NAMES = list(TOPICS)


class FixedRanker:
    """Ranks all passages in the order of the corpus; may fail."""

    fails_at = None

    def __init__(self, *arguments):
        self.calls = 0

    def rank(self, queries, depth):
        self.calls += 1
        if self.calls == FixedRanker.fails_at:
            raise KeyboardInterrupt
        return [NAMES[:depth] for _ in queries]


@pytest.fixture
def ranker(monkeypatch):
    monkeypatch.setattr(job, "Ranker", FixedRanker)
    FixedRanker.fails_at = None
    return FixedRanker


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_top_negatives_skip_ranks_and_positives(ranker, tmp_path, beir):  # noqa: F811
    mining = Mining(depth=5, skip=1, negatives=3, sampling="top")
    mine(DataSources(str(beir)), mining, None, tmp_path / "n.jsonl")
    for record in lines(tmp_path / "n.jsonl"):
        pool = [name for name in NAMES[1:5] if name not in record["pos_pid"]]
        assert record["neg_pids"] == pool[:3]


def test_random_negatives_depend_on_the_seed_alone(ranker, tmp_path, beir):  # noqa: F811
    sources = DataSources(str(beir))
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        mine(sources, Mining(negatives=2, seed=seed), None, tmp_path / name)
    one, same, other = (lines(tmp_path / name) for name in "abc")
    assert one == same
    assert one != other
    assert all(not set(r["neg_pids"]) & set(r["pos_pid"]) for r in one + other)


class Likes(Teacher):
    """Gives positives 1, the passage on rain 0.95, all others 0."""

    def scores(self, groups):
        found = []
        for _, passages in groups:
            scores = [0.95 if "Rain falls" in p.text else 0.0 for p in passages]
            found.append([1.0, *scores[1:]])
        return found


@pytest.mark.parametrize(("margin", "left_out"), [(0.0, False), (0.1, True)])
def test_false_negatives_by_the_teacher(ranker, tmp_path, beir, margin, left_out):  # noqa: F811
    mining = Mining(negatives=6, teacher="likes", margin=margin)
    mine(DataSources(str(beir)), mining, Likes(), tmp_path / "n.jsonl")
    for record in lines(tmp_path / "n.jsonl"):
        if record["pos_pid"] != ["rain"]:
            assert ("rain" in record["neg_pids"]) != left_out
        assert len(record["neg_scores"]) == len(record["neg_pids"])


def test_stopped_and_gone_on_with(ranker, tmp_path, beir):  # noqa: F811
    sources, mining = DataSources(str(beir)), Mining(negatives=2)
    mine(sources, mining, None, tmp_path / "whole", window=2)
    ranker.fails_at = 3
    with pytest.raises(KeyboardInterrupt):
        mine(sources, mining, None, tmp_path / "out", window=2)
    ranker.fails_at = None
    assert len((tmp_path / "out.partial").read_text().splitlines()) == 4
    mine(sources, mining, None, tmp_path / "out", window=2)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()


def test_passages_in_full_cannot_be_mined(ranker, tmp_path):
    train = write_lines(tmp_path / "pairs.jsonl", [{"query": "q", "passage": "text"}])
    with pytest.raises(UsageError, match="Negatives are mined from a corpus"):
        mine(DataSources(str(train)), Mining(), None, tmp_path / "n.jsonl")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampling": "best"}, "Unknown sampling 'best'"),
        ({"depth": 5, "skip": 5}, "skip must be less"),
        ({"negatives": 0}, "give at least 1"),
    ],
)
def test_options(options, message):
    with pytest.raises(UsageError, match=message):
        Mining(**options)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["llm-splade-tiny", "llm-dense-tiny"])
def test_through_pyserini(python, tmp_path, beir, method):  # noqa: F811
    result = python(
        *("-m", "llm_encoders.mine_negatives", "--train", beir, "--method", method),
        *("--negatives", "2", "--sampling", "top", "--output", tmp_path / "n.jsonl"),
    )
    assert "+ python -m pyserini.search" in result.stderr
    found = lines(tmp_path / "n.jsonl")
    assert len(found) == 9
    assert all(not set(record["neg_pids"]) & set(record["pos_pid"]) for record in found)
    if method == "llm-dense-tiny":  # the others find nothing where no term is shared
        assert all(len(record["neg_pids"]) == 2 for record in found)
