"""Negatives come from the ranking, are never known positives, and false ones are left out."""

import json
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from llm_encoders import EncoderError, UsageError, load_encoder
from llm_encoders.data.sources import DataSources
from llm_encoders.encoding.encoder import Encoder
from llm_encoders.jobs import resumable_batches
from llm_encoders.mine_negatives import job, ranking
from llm_encoders.mine_negatives.__main__ import main
from llm_encoders.mine_negatives.job import mine
from llm_encoders.mine_negatives.mining import Mining
from llm_encoders.score.job import score
from llm_encoders.teachers.base import Teacher
from tests.llm_encoders.conftest import QUESTIONS, TOPICS, write_lines
from tests.llm_encoders.score.test_score import Choice

NAMES = list(TOPICS)


class FixedRanker:
    """Ranks all passages in the order of the corpus; may fail."""

    window = 2
    fails_at = None
    calls = 0

    def __init__(self, passages, work, *, index, threads):
        self.passages = passages
        FixedRanker.calls = 0

    def rank(self, queries, depth, progress):
        FixedRanker.calls += 1
        if FixedRanker.calls == FixedRanker.fails_at:
            raise KeyboardInterrupt
        return [list(range(min(depth, len(self.passages)))) for _ in queries]


@pytest.fixture
def ranker(monkeypatch):
    monkeypatch.setattr(job, "supplied", lambda method: FixedRanker)
    FixedRanker.fails_at = None
    return FixedRanker


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_top_negatives_skip_ranks_and_positives(ranker, tmp_path, beir):
    mining = Mining(depth=5, skip=1, negatives=3, sampling="top")
    mine(DataSources(str(beir)), mining, None, tmp_path / "n.jsonl")
    for record in lines(tmp_path / "n.jsonl"):
        pool = [name for name in NAMES[1:5] if name not in record["pos_pid"]]
        assert record["neg_pids"] == pool[:3]


def test_random_negatives_depend_on_the_seed_alone(ranker, tmp_path, beir):
    sources = DataSources(str(beir))
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        mine(sources, Mining(negatives=2, seed=seed), None, tmp_path / name)
    one, same, other = (lines(tmp_path / name) for name in "abc")
    assert one == same
    assert one != other
    assert all(not set(r["neg_pids"]) & set(r["pos_pid"]) for r in one + other)


def test_random_negatives_are_drawn_evenly(ranker, tmp_path, beir):
    mine(DataSources(str(beir)), Mining(negatives=3), None, tmp_path / "n")
    drawn = [name for record in lines(tmp_path / "n") for name in record["neg_pids"]]
    assert set(drawn) == set(NAMES)
    for record in lines(tmp_path / "n"):
        assert record["neg_pids"] == sorted(record["neg_pids"], key=NAMES.index)  # by rank


@pytest.mark.parametrize("teacher", [False, True])
def test_copies_of_positives_and_of_the_query_are_never_negatives(ranker, tmp_path, beir, teacher):
    """As ArguAna and Quora ask with their own documents, and nfcorpus holds some twice."""
    copies = [
        {"_id": "copy", "title": "another title", "text": TOPICS["bread"].upper() + "  "},
        {"_id": "query", "title": "", "text": "ingredients  of Bread"},
        {"_id": "bread0", "title": "", "text": "a document with the id of the query"},
        {"_id": "titled", "title": "Ingredients", "text": "of bread"},
    ]
    with (beir / "corpus.jsonl").open("a") as stream:
        stream.writelines(json.dumps(record) + "\n" for record in copies)
    choice = Choice(Lengths()) if teacher else None
    mining = Mining(negatives=50, margin=-1e9)
    mine(DataSources(str(beir)), mining, choice, tmp_path / "n")
    for record in lines(tmp_path / "n"):
        found = set(record["neg_pids"])
        everything = {*NAMES, "copy", "query", "bread0", "titled"} - set(record["pos_pid"])
        if record["pos_pid"] == ["bread"]:
            assert found == everything - {"copy", "query", "bread0", "titled"}
        else:
            assert found == everything


def test_a_passage_with_the_id_of_a_query_of_another_numbering_can_be_a_negative(
    ranker, tmp_path, beir
):
    """As in MS MARCO, where query 7 and passage 7 have nothing to do with each other."""
    with (beir / "corpus.jsonl").open("a") as stream:
        stream.write('{"_id": "bread0", "title": "", "text": "has the id of a query"}\n')
    record = {
        "query_id": "bread0",
        "question": "ingredients of bread",
        "pos_pid": "bread",
        "neg_pids": [],
    }
    (tmp_path / "train.jsonl").write_text(json.dumps(record))
    for corpus, found in ((beir / "corpus.jsonl", True), (beir, False)):
        sources = DataSources(str(tmp_path / "train.jsonl"), str(corpus))
        mine(sources, Mining(negatives=50), None, tmp_path / f"mined-{found}")
        assert ("bread0" in lines(tmp_path / f"mined-{found}")[0]["neg_pids"]) == found


def test_records_keep_the_ids_of_their_queries(ranker, tmp_path, beir):
    """So that training and scoring know which document is the query itself."""
    mine(DataSources(str(beir)), Mining(), None, tmp_path / "n")
    first = lines(tmp_path / "n")[0]
    assert (first["query_id"], first["question"]) == ("statins0", "what do statins do")
    sources = DataSources(str(tmp_path / "n"), str(beir))
    score(sources, Choice(Lengths()), tmp_path / "scored")
    assert lines(tmp_path / "scored")[0]["query_id"] == "statins0"


def test_faulty_documents_can_be_left_out(ranker, tmp_path, beir):
    with (beir / "corpus.jsonl").open("a") as stream:
        stream.write('{"_id": "empty", "text": "  "}\n')
    with pytest.raises(EncoderError, match=r"corpus.jsonl, line 7"):
        mine(DataSources(str(beir)), Mining(), None, tmp_path / "n")
    mine(DataSources(str(beir), on_error="skip"), Mining(), None, tmp_path / "n")
    assert len(lines(tmp_path / "n")) == 9
    assert "line 7" in (tmp_path / "n.skipped.txt").read_text()


class Lengths(Teacher):
    """Scores by the length of the text; a stand-in whose scores tell their passage."""

    window = 9

    def scores(self, groups, run=None):
        return [[float(len(one.text)) for one in passages] for _, passages in groups]


@pytest.mark.parametrize("sampling", ["random", "top"])
def test_scores_stand_with_their_negatives(ranker, tmp_path, beir, sampling):
    mining = Mining(negatives=4, sampling=sampling, margin=-100)
    mine(DataSources(str(beir)), mining, Choice(Lengths()), tmp_path / "n")
    records = lines(tmp_path / "n")
    assert len(records) == 9
    for record in records:
        for ids, scores in (("pos_pid", "pos_score"), ("neg_pids", "neg_scores")):
            assert record[scores] == [len(TOPICS[name]) for name in record[ids]]
        assert len(set(record["neg_scores"])) > 1
    assert records[0]["teacher"]["dtype"] == "float32"


class Likes(Teacher):
    """Gives positives 1, the passage on rain 0.95, all others 0."""

    def scores(self, groups, run=None):
        found = []
        for _, passages in groups:
            scores = [0.95 if "Rain falls" in p.text else 0.0 for p in passages]
            found.append([1.0, *scores[1:]])
        return found


@pytest.mark.parametrize(("margin", "left_out"), [(0.0, False), (0.1, True)])
def test_false_negatives_by_the_teacher(ranker, tmp_path, beir, margin, left_out):
    mining = Mining(negatives=6, margin=margin)
    mine(DataSources(str(beir)), mining, Choice(Likes()), tmp_path / "n.jsonl")
    for record in lines(tmp_path / "n.jsonl"):
        if record["pos_pid"] != ["rain"]:
            assert ("rain" in record["neg_pids"]) != left_out
        assert len(record["neg_scores"]) == len(record["neg_pids"])


@pytest.mark.parametrize("teacher", [False, True])
def test_stopped_and_resumed(ranker, tmp_path, beir, teacher):
    sources, mining = DataSources(str(beir)), Mining(negatives=2, margin=-100)
    choice = Choice(Lengths()) if teacher else None
    mine(sources, mining, choice, tmp_path / "whole")
    ranker.fails_at = 3
    with pytest.raises(KeyboardInterrupt):
        mine(sources, mining, choice, tmp_path / "out")
    ranker.fails_at = None
    partial = tmp_path / "out.partial"
    assert len(partial.read_text().splitlines()) == 4
    partial.write_text("".join(partial.read_text().splitlines(keepends=True)[:3]))
    mine(sources, mining, choice, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()
    assert {path.name for path in tmp_path.glob("*out*")} == {"out", ".out.state"}
    again = Choice(Lengths())
    mine(sources, mining, again if teacher else None, tmp_path / "out")
    assert not again.loads


def test_a_corrected_command_is_taken_where_nothing_was_mined(ranker, tmp_path, beir):
    ranker.fails_at = 1
    with pytest.raises(KeyboardInterrupt):
        mine(DataSources(str(beir)), Mining(), None, tmp_path / "out")
    ranker.fails_at = None
    mine(DataSources(str(beir)), Mining(negatives=1), None, tmp_path / "out")
    assert {len(record["neg_pids"]) for record in lines(tmp_path / "out")} == {1}


def test_other_options_are_refused_where_something_was_mined(ranker, tmp_path, beir):
    ranker.fails_at = 2
    with pytest.raises(KeyboardInterrupt):
        mine(DataSources(str(beir)), Mining(), None, tmp_path / "out")
    with pytest.raises(UsageError, match="another job: depth was 200, now 9"):
        mine(DataSources(str(beir)), Mining(depth=9), None, tmp_path / "out")


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
        ({"margin": float("nan")}, "give a finite number"),
        ({"index": "nowhere"}, "There is no index 'nowhere'"),
    ],
)
def test_options(options, message):
    with pytest.raises(UsageError, match=message):
        Mining(**options)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--margin", "nan"], "nan is not finite"),
        (["--depth", "0"], "0 is not between 1 and"),
        (["--threads", "-1"], "-1 is not between 1 and"),
        (["--seed", str(2**32)], "is not between 0 and"),
        (["--seed", "-1"], "is not between 0 and"),
        (["--batch-size", "-1"], "-1 is not between 1 and"),
        (["--skip", "-1"], "-1 is not between 0 and"),
        (["--output", "/"], "is the root of the file system"),
    ],
)
def test_wrong_usage(monkeypatch, capsys, words, message):
    monkeypatch.setattr("sys.argv", ["mine", "--train", "t", "--output", "o", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def brute_force(name, beir):
    """Rankings by the matrix of all scores; sparse ones without those that share no term."""
    encoder = load_encoder(name, device="cpu")
    asked = [text for texts in QUESTIONS.values() for text in texts]
    product = (
        encoder.encode_queries(asked) @ encoder.encode_documents(list(TOPICS.values()), NAMES).T
    )
    scores = product if isinstance(product, np.ndarray) else product.toarray()
    sparse = not isinstance(product, np.ndarray)
    found = {}
    for text, row in zip(asked, scores, strict=True):
        order = np.argsort(-row, kind="stable")
        found[text] = [NAMES[i] for i in order if not sparse or row[i] > 0]
    return found


@pytest.mark.parametrize("method", ["llm-splade-tiny", "llm-dense-tiny"])
def test_an_encoder_ranks_as_brute_force_does(tmp_path, beir, method):
    mining = Mining(method=method, negatives=4, sampling="top")
    mine(DataSources(str(beir)), mining, None, tmp_path / "n.jsonl", device="cpu")
    wanted = brute_force(method, beir)
    records = lines(tmp_path / "n.jsonl")
    assert len(records) == 9
    for record in records:
        ranked = [name for name in wanted[record["question"]] if name not in record["pos_pid"]]
        assert record["neg_pids"] == ranked[:4]
    assert any(len(record["neg_pids"]) > 1 for record in records)


def test_encoding_killed_and_resumed(tmp_path, beir, monkeypatch):
    monkeypatch.setattr(resumable_batches, "_SECONDS", 0.0)
    monkeypatch.setattr(Encoder, "batch_size", 2)
    sources, mining = DataSources(str(beir)), Mining(method="llm-dense-tiny", negatives=4)
    mine(sources, mining, None, tmp_path / "whole", device="cpu")
    encode, calls = Encoder.encode_documents, []

    def fails(self, texts, titles=None, **options):
        calls.append(len(texts))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return encode(self, texts, titles, **options)

    monkeypatch.setattr(Encoder, "encode_documents", fails)
    with pytest.raises(KeyboardInterrupt):
        mine(sources, mining, None, tmp_path / "out", device="cpu")
    calls.append(0)
    mine(sources, mining, None, tmp_path / "out", device="cpu")
    assert calls == [2, 2, 0, 2, 2]
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()
    assert not (tmp_path / ".out.work").exists()


def test_vectors_of_another_corpus_are_not_used(tmp_path, beir, monkeypatch):
    """A corpus that is edited after a kill is encoded anew."""
    sources, mining = DataSources(str(beir)), Mining(method="llm-dense-tiny", sampling="top")

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(job.EncoderRanker, "rank", dies)
        mine(sources, mining, None, tmp_path / "out", device="cpu")
    path = beir / "corpus.jsonl"
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    mine(sources, mining, None, tmp_path / "out", device="cpu")
    mine(sources, mining, None, tmp_path / "whole", device="cpu")
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()


def test_an_index_is_for_bm25(tmp_path, beir):
    (tmp_path / "index").mkdir()
    mining = Mining(method="llm-dense-tiny", index=str(tmp_path / "index"))
    with pytest.raises(UsageError, match="--index is for bm25"):
        mine(DataSources(str(beir)), mining, None, tmp_path / "n.jsonl")


def test_bm25_without_pyserini_says_what_to_install(monkeypatch):
    monkeypatch.setattr(ranking, "declared", dict)
    with pytest.raises(
        UsageError, match=r"bm25 needs Pyserini \(nothing supplies it\).*pip install"
    ):
        ranking.supplied("bm25")
    assert ranking.supplied("llm-dense-tiny") is None
    broken = EntryPoint("bm25", "no_such_module:Ranker", ranking.GROUP)
    monkeypatch.setattr(ranking, "declared", lambda: {"bm25": broken})
    with pytest.raises(UsageError, match="bm25 needs Pyserini .*no_such_module"):
        ranking.supplied("bm25")


def test_metadata_of_an_earlier_version_hides_nothing(tmp_path, monkeypatch):
    """As a clone holds them that an earlier version was installed from."""
    old = tmp_path / "pyserini_llm_encoders.egg-info"
    old.mkdir()
    (old / "PKG-INFO").write_text("Name: pyserini-llm-encoders\nVersion: 0.0.1\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert ranking.declared()["bm25"].value == "pyserini_ext.rankers:Bm25Ranker"


def test_an_index_of_another_corpus(tmp_path, beir):
    from llm_encoders.data.prepare import prepare

    data = prepare(DataSources(str(beir)), tmp_path / "data")
    assert ranking.rows_of(data.passages, NAMES[:2]) == [0, 1]
    with pytest.raises(EncoderError, match="holds a passage 'dogs' that the corpus does not"):
        ranking.rows_of(data.passages, ["dogs"])
