"""Contrastive entropy: what is drawn, and the figure against plain sums in double precision."""

import math

import numpy as np
import pytest
from scipy import sparse

from llm_encoders.corpora.beir import BeirFolder
from llm_encoders.data.text_keys import passage_keys
from llm_encoders.evaluation import pair_scores as scoring
from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.entropy import Entropy, Meter, Sample
from llm_encoders.evaluation.pair_scores import pair_scores
from llm_encoders.evaluation.pairs import judged_pairs
from llm_encoders.evaluation.random_negatives import draw_negatives

DOCUMENTS = 60
QUERIES = {"q0": "what is it", "q1": "What  is it", "17": "who", "q3": "passage 20", "q4": "why"}
QRELS = {
    "q0": {"3": 1, "4": 0, "gone": 2},
    "q1": {"5": 2, "6": -1},
    "17": {"8": 1, "9": 1, "10": 1},
    "q3": {"11": 1},
    "q4": {"12": 1},
}
ELSEWHERE = {"q4": ["13", "away"]}
EXCLUDED = {  # passages 40 to 59 repeat the texts of 0 to 19
    "q0": {3, 43, 5, 45},
    "q1": {3, 43, 5, 45},
    "17": {8, 48, 9, 49, 10, 50, 17, 57},
    "q3": {11, 51, 20},
    "q4": {12, 52, 13, 53},
}


@pytest.fixture(scope="module")
def pairs():
    keys = np.array([passage_keys("", f"passage {n % 40}") for n in range(DOCUMENTS)], np.uint64)
    places = {str(number): number for number in range(DOCUMENTS)}
    return judged_pairs(QUERIES, QRELS, ELSEWHERE, places.get, keys)


def test_pairs_and_what_is_no_negative(pairs):
    found = list(zip(pairs.query.tolist(), pairs.positive.tolist(), strict=True))
    assert found == [(0, 3), (1, 5), (2, 8), (2, 9), (2, 10), (3, 11), (4, 12)]
    assert [set(one.tolist()) for one in pairs.excluded] == list(EXCLUDED.values())
    assert all((np.diff(one) > 0).all() for one in pairs.excluded)


@pytest.mark.parametrize("negatives", [5, 54, 100])
def test_negatives_are_different_and_never_known_positives(pairs, negatives):
    drawn = draw_negatives(pairs, negatives, 4, 7)
    for redraw in drawn:
        for query, row in zip(pairs.query, redraw, strict=True):
            there = DOCUMENTS - len(pairs.excluded[query])
            found = row[row >= 0].tolist()
            assert len(found) == len(set(found)) == min(negatives, there)
            assert not set(found) & set(pairs.excluded[query].tolist())
    assert (drawn == draw_negatives(pairs, negatives, 4, 7)).all()
    another = draw_negatives(pairs, negatives, 4, 8)
    assert (drawn != another).any() == (negatives < 55)  # more are all there are
    assert (drawn[:2] == draw_negatives(pairs, negatives, 2, 7)).all()


def test_every_other_document_is_drawn_equally_often(pairs):
    drawn = draw_negatives(pairs, 8, 900, 1)
    for pair, query in enumerate(pairs.query):
        allowed = sorted(set(range(DOCUMENTS)) - set(pairs.excluded[query].tolist()))
        counts = np.bincount(drawn[:, pair].reshape(-1), minlength=DOCUMENTS)[allowed]
        expected = 900 * 8 / len(allowed)
        assert np.abs(counts - expected).max() < 5 * math.sqrt(expected)


def vectors(kind):
    random = np.random.default_rng(3)
    queries = random.normal(size=(len(QUERIES), 9)).astype(np.float32)
    documents = random.normal(size=(DOCUMENTS, 9)).astype(np.float32)
    if kind == "dense":
        return queries, documents
    return [sparse.csr_array(np.maximum(one, 0)) for one in (queries, documents)]


def brute_force(pairs, drawn, queries, documents, temperature):
    queries, documents = (
        one.toarray().tolist() if sparse.issparse(one) else one.tolist()
        for one in (queries, documents)
    )

    def score(query, document):
        numbers = zip(queries[query], documents[document], strict=True)
        return math.fsum(a * b for a, b in numbers) / temperature

    values = []
    for redraw in drawn.tolist():
        entropies = []
        for query, positive, row in zip(pairs.query, pairs.positive, redraw, strict=True):
            best = math.exp(score(query, positive))
            others = [math.exp(score(query, one)) for one in row if one >= 0]
            entropies.append(-math.log(best / (best + math.fsum(others))))
        values.append(math.fsum(entropies) / len(entropies))
    return values


@pytest.mark.parametrize("sparser", [0, 10**6])
@pytest.mark.parametrize("block", [1, 7, 100])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("negatives", [6, 55])
def test_the_figure_is_that_of_plain_sums(pairs, monkeypatch, kind, block, negatives, sparser):
    """Of documents in blocks of any size, and however the products are computed."""
    monkeypatch.setattr(scoring, "_SPARSER", sparser)
    monkeypatch.setattr(scoring, "_NUMBERS", 64)
    monkeypatch.setattr(scoring, "_QUERIES", 2)
    queries, documents = vectors(kind)
    sample = Sample(pairs, negatives, 3, 11)
    meter = Meter(sample, queries, 0.7)
    needed = sample.needed
    for first in range(0, len(needed), block):
        rows = needed[first : first + block]
        meter.take(documents[rows], rows)
    found = meter.entropy()
    wanted = brute_force(pairs, draw_negatives(pairs, negatives, 3, 11), queries, documents, 0.7)
    assert found.values == pytest.approx(wanted, rel=1e-13)
    assert found.mean == pytest.approx(sum(wanted) / 3, rel=1e-13)
    deviation = math.sqrt(sum((one - sum(wanted) / 3) ** 2 for one in wanted) / 2)
    assert found.spread == pytest.approx(deviation, rel=1e-9, abs=1e-15)


def test_only_positives_and_negatives_are_needed(pairs):
    sample = Sample(pairs, 2, 1, 0)
    drawn = draw_negatives(pairs, 2, 1, 0)
    assert sample.needed.tolist() == sorted({*pairs.positive.tolist(), *drawn.reshape(-1).tolist()})
    assert len(sample.needed) < 22


def test_a_query_to_which_everything_is_relevant_is_left_out(pairs):
    keys = np.array([passage_keys("", f"passage {n}") for n in range(4)], np.uint64)
    qrels = {"a": dict.fromkeys("0123", 1), "b": {"0": 1}}
    row = {str(number): number for number in range(4)}.get
    judged = judged_pairs({"a": "x", "b": "y"}, qrels, {}, row, keys)
    sample = Sample(judged, 2, 2, 0)
    assert sample.available.tolist() == [0, 0, 0, 0, 2] and sample.pairs_measured == 1
    meter = Meter(sample, np.eye(2, dtype=np.float32), 1.0)
    meter.take(np.zeros((4, 2), dtype=np.float32), np.arange(4))
    assert meter.entropy().values == pytest.approx([math.log(3)] * 2)
    alone = judged_pairs({"a": "x"}, {"a": qrels["a"]}, {}, row, keys)
    assert Meter(Sample(alone), np.eye(1, dtype=np.float32), 1.0).entropy() is None


def test_products_of_one_pair_and_of_none():
    queries, documents = vectors("sparse")
    none = np.array([], dtype=np.int64)
    assert pair_scores(queries, documents, none, none).shape == (0,)


def test_a_single_draw_has_no_spread():
    assert Entropy([0.5]).spread is None and Entropy([0.5]).mean == 0.5


def test_what_other_splits_judge_relevant_is_no_negative(beir):
    """The query of one split is judged in another, too."""
    test, dev = (beir / "qrels" / f"{name}.tsv" for name in ("test", "dev"))
    (query, *_) = test.read_text(encoding="utf-8").splitlines()[1].split("\t")
    with dev.open("a", encoding="utf-8") as stream:
        stream.write(f"{query}\tchess\t1\n{query}\tbread\t0\n")
    elsewhere = BeirFolder(beir).relevant_elsewhere("test", [query])
    assert list(elsewhere) == [query] and "chess" in elsewhere[query]
    loaded = Collection.load(str(beir), "test")
    excluded = loaded.sample.pairs.excluded[list(loaded.queries).index(query)].tolist()
    assert loaded.ids.index("chess") in excluded and loaded.ids.index("bread") not in excluded


def test_a_collection_of_too_few_passages_is_warned_of(beir, capsys):
    sample = Collection.load(str(beir), "test").sample
    fewest = int(sample.available.min())
    said = capsys.readouterr().err
    assert f"takes 256 random passages, but for a query there are only {fewest:,} that" in said
