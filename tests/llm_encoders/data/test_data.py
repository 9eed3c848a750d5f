"""Every layout gives the same examples; every faulty record is named by file and line."""

import json
from collections import Counter

import pytest
import torch

from llm_encoders.data.prepare import DataSources, prepare
from llm_encoders.errors import EncoderError
from llm_encoders.train.batches import Sampling, TrainingBatches
from tests.llm_encoders.conftest import TOPICS, write_lines

QUESTION, POSITIVE, NEGATIVES = "what do statins do", "statins", ["cats", "rain"]


def passage(name):
    return {"docid": name, "title": name, "text": TOPICS[name]}


LAYOUTS = {
    "contrastive": {"question": QUESTION, "pos_pid": POSITIVE, "neg_pids": NEGATIVES},
    "distillation": {
        "query": QUESTION,
        "docids": [POSITIVE, *NEGATIVES],
        "scores": [3.0, 1.0, 0.5],
    },
    "tevatron": {
        "query_id": "1",
        "query": QUESTION,
        "positive_passages": [passage(POSITIVE)],
        "negative_passages": [passage(name) for name in NEGATIVES],
    },
    "tevatron-ids": {
        "query": QUESTION,
        "positive_document_ids": [POSITIVE],
        "negative_document_ids": NEGATIVES,
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_mean_the_same(tmp_path, beir, layout):
    train = write_lines(tmp_path / "train.jsonl", [LAYOUTS[layout]])
    corpus = None if layout == "tevatron" else str(beir / "corpus.jsonl")
    data = prepare(DataSources(str(train), corpus), tmp_path / "data")
    one = data.queries[0]
    assert one["query"] == QUESTION
    assert data.passages.ids(one["positives"]) == [POSITIVE]
    assert data.passages.ids(one["negatives"]) == NEGATIVES
    texts, titles = data.passages.texts(one["positives"] + one["negatives"])
    assert texts == [TOPICS[name] for name in (POSITIVE, *NEGATIVES)]
    assert titles == [POSITIVE, *NEGATIVES]


def test_tsv_of_texts_and_of_ids(tmp_path, beir):
    texts = tmp_path / "texts.tsv"
    texts.write_text(f"{QUESTION}\t{TOPICS[POSITIVE]}\t{TOPICS['cats']}\n", encoding="utf-8")
    data = prepare(DataSources(str(texts)), tmp_path / "a")
    assert data.passages.texts(data.queries[0]["negatives"])[0] == [TOPICS["cats"]]
    ids = tmp_path / "ids.tsv"
    ids.write_text(f"{QUESTION}\t{POSITIVE}\tcats\n", encoding="utf-8")
    data = prepare(DataSources(str(ids), str(beir / "corpus.jsonl")), tmp_path / "b")
    assert data.passages.ids(data.queries[0]["negatives"]) == ["cats"]


def test_beir_folder_gives_its_judged_queries(tmp_path, beir):
    data = prepare(DataSources(str(beir)), tmp_path / "data")
    assert len(data.queries) == 9
    assert data.passages.ids(data.queries[0]["positives"]) == ["statins"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cats0\tdogs\t1", "test.tsv, line 11: the passage 'dogs' is not in the corpus"),
        ("dogs0\tcats\t1", "test.tsv, line 11: the query 'dogs0' is not in .*queries.jsonl"),
    ],
)
def test_faulty_judgements_are_named(tmp_path, beir, line, message):
    with (beir / "qrels" / "test.tsv").open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(EncoderError, match=message):
        prepare(DataSources(str(beir), split="test"), tmp_path / "data")


def test_saved_dataset(tmp_path, beir):
    import datasets

    datasets.Dataset.from_list([LAYOUTS["contrastive"]]).save_to_disk(str(tmp_path / "saved"))
    sources = DataSources(str(tmp_path / "saved"), str(beir / "corpus.jsonl"))
    data = prepare(sources, tmp_path / "data")
    assert data.passages.ids(data.queries[0]["positives"]) == [POSITIVE]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({**LAYOUTS["contrastive"], "pos_pid": []}, "line 2: the query has no positive passage"),
        ({**LAYOUTS["contrastive"], "neg_pids": ["dogs"]}, "line 2: passage 'dogs' is not in the"),
        (
            {**LAYOUTS["contrastive"], "pos_score": 1.0, "neg_scores": [1.0]},
            "line 2: 1 teacher scores for 2 negative passages",
        ),
        (
            {**LAYOUTS["distillation"], "scores": [1.0, 2.0]},
            "line 2: 2 teacher scores for 3 passages",
        ),
        ({**LAYOUTS["contrastive"], "question": " "}, "line 2: the query is empty"),
        ({**LAYOUTS["contrastive"], "neg_pids": "cats"}, "line 2: passage ids must be a list"),
        (
            {**LAYOUTS["distillation"], "scores": [1.0, 2.0, float("nan")]},
            "line 2: 'scores' must hold finite numbers",
        ),
        ({"question": "q", "pos_pid": "cats", "negs": []}, "line 2: the keys .* no known layout"),
    ],
)
def test_faulty_records(tmp_path, beir, record, message):
    train = write_lines(tmp_path / "train.jsonl", [LAYOUTS["contrastive"], record])
    with pytest.raises(EncoderError, match=message) as caught:
        prepare(DataSources(str(train), str(beir / "corpus.jsonl")), tmp_path / "data")
    assert str(train) in str(caught.value)
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "data.tmp").exists()


def test_missing_scores_and_missing_corpus(tmp_path, beir):
    train = write_lines(tmp_path / "train.jsonl", [LAYOUTS["contrastive"]])
    with pytest.raises(EncoderError, match="line 1: no teacher scores"):
        prepare(DataSources(str(train), str(beir / "corpus.jsonl")), tmp_path / "data", True)
    with pytest.raises(EncoderError, match="line 1: passage 'statins' is given by id"):
        prepare(DataSources(str(train)), tmp_path / "data")


def test_distillation_alone_needs_negatives(tmp_path, beir, capsys):
    alone = {"query": "q", "docids": ["cats"], "scores": [1.0]}
    good = {"query": "q", "docids": ["cats", "rain"], "scores": [1.0, 0.5]}
    sources = DataSources(str(tmp_path / "train.jsonl"), str(beir / "corpus.jsonl"))
    write_lines(tmp_path / "train.jsonl", [alone, alone])
    with pytest.raises(
        EncoderError, match="train.jsonl, line 1: no record of the file has negatives"
    ):
        prepare(sources, tmp_path / "data", need_scores=True, need_negatives=True)
    assert len(prepare(sources, tmp_path / "data", need_scores=True).queries) == 2
    write_lines(tmp_path / "train.jsonl", [good, alone])
    assert len(prepare(sources, tmp_path / "data", True, True).queries) == 1
    assert "train.jsonl, line 2: no negatives; distillation leaves out 1" in capsys.readouterr().out


def test_a_split_of_what_has_none(tmp_path, beir, scored):
    with pytest.raises(EncoderError, match="The split 'dev': .* no splits"):
        prepare(DataSources(str(scored), str(beir / "corpus.jsonl"), "dev"), tmp_path / "data")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"_id": "cats0", "text": None}, "expected a query with '_id' and 'text'"),
        ({"_id": "cats0", "text": " "}, "the query is empty"),
    ],
)
def test_faulty_queries_of_a_beir_folder(tmp_path, beir, record, message):
    records = [json.loads(line) for line in (beir / "queries.jsonl").read_text().splitlines()]
    write_lines(beir / "queries.jsonl", [record if r["_id"] == "cats0" else r for r in records])
    with pytest.raises(EncoderError, match=f"queries.jsonl, line 3: {message}"):
        prepare(DataSources(str(beir)), tmp_path / "data")


def test_repeated_corpus_id(tmp_path):
    corpus = write_lines(tmp_path / "corpus.jsonl", [{"id": "a", "text": "x"}] * 2)
    train = write_lines(tmp_path / "train.jsonl", [LAYOUTS["contrastive"]])
    message = "corpus.jsonl, line 2: the id 'a' was given before, at .*corpus.jsonl, line 1"
    with pytest.raises(EncoderError, match=message):
        prepare(DataSources(str(train), str(corpus)), tmp_path / "data")


def test_prepared_again_only_when_the_files_change(tmp_path, beir, scored):
    sources = DataSources(str(scored), str(beir / "corpus.jsonl"))
    prepare(sources, tmp_path / "data")
    before = (tmp_path / "data" / "queries.arrow").stat().st_mtime_ns
    prepare(sources, tmp_path / "data")
    assert (tmp_path / "data" / "queries.arrow").stat().st_mtime_ns == before
    with scored.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(LAYOUTS["contrastive"]) + "\n")
    assert len(prepare(sources, tmp_path / "data").queries) == 10


def batches(data, processes=1, rank=0, **changes):
    settings = {"queries": 4, "negatives": 3, "seed": 1, **changes}
    sampling = Sampling(**settings, processes=processes, rank=rank)

    def tokenize(texts, titles=None):
        return [[len(text)] * 3 for text in texts]

    return TrainingBatches(data, sampling, 20, tokenize, tokenize)


@pytest.fixture
def data(tmp_path, beir, scored):
    return prepare(DataSources(str(scored), str(beir / "corpus.jsonl")), tmp_path / "data")


def test_a_batch_depends_on_seed_and_step_alone(data):
    one, other = batches(data), batches(data)
    for step in (3, 0, 7):
        assert one[step].passages == other[step].passages
        assert torch.equal(one[step].candidates.groups, other[step].candidates.groups)
    assert any(one[s].queries != batches(data, seed=2)[s].queries for s in range(5))


def test_all_queries_are_seen_equally_often(data):
    sampled = batches(data)
    drawn = [place for step in range(9) for place in sampled._places(step)]
    assert len(drawn) == 36  # four passes over nine queries, without a short batch between
    assert drawn == list(range(36))
    queries = Counter(sampled._draw(place).query for place in drawn)
    assert set(queries.values()) == {4} and len(queries) == 9


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_a_batch(data, processes):
    whole = batches(data)[2]
    parts = [batches(data, processes, rank)[2] for rank in range(processes)]
    assert [ids for part in parts for ids in part.queries] == whole.queries
    assert [ids for part in parts for ids in part.passages] == whole.passages
    for part in parts:
        assert torch.equal(part.candidates.groups, whole.candidates.groups)
        assert torch.equal(part.candidates.teacher, whole.candidates.teacher)
        assert sum(part.passage_counts) == len(whole.passages)


def test_other_relevant_passages_are_no_candidates(data):
    batch = batches(data, queries=9)[0]
    groups, excluded = batch.candidates.groups, batch.candidates.excluded
    assert not excluded.gather(1, groups[:, :1]).any()  # never the own positive
    drawn = [batches(data, queries=9)._draw(place) for place in range(9)]
    positives = {one["query"]: set(one["positives"]) for one in data.queries.select(range(9))}
    rows = [row for one in drawn for row in one.rows]
    for number, one in enumerate(drawn):
        for column, row in enumerate(rows):
            relevant = row in positives[one.query] and column != int(groups[number, 0])
            assert bool(excluded[number, column]) == relevant


def test_candidates_a_query_can_be_limited(data):
    batch = batches(data, queries=9, candidates=6)[0]
    compared = (~batch.candidates.excluded).sum(1)
    assert compared.max() <= 6
    own = batch.candidates.groups
    for number in range(9):
        columns = own[number][own[number] >= 0]
        assert not batch.candidates.excluded[number, columns].any()
