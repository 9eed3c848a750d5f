"""Random negatives: what is drawn, what each query is compared with, and what is refused.

The loss and its gradients, with two processes, parts of a step and chunks, are compared with the
formula in :mod:`tests.llm_encoders.train.test_processes`.
"""

import json

import numpy as np
import pytest
import torch

from llm_encoders.data.prepare import prepare
from llm_encoders.data.sources import DataSources
from llm_encoders.errors import UsageError
from llm_encoders.train import random_negatives
from llm_encoders.train.batches import Sampling, TrainingBatches
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.retrieval_trainer import RetrievalTrainer
from llm_encoders.train.run import run
from tests.llm_encoders.conftest import write_lines
from tests.llm_encoders.train import formula
from tests.llm_encoders.train.interruption import interrupted
from tests.llm_encoders.train.small_run import (
    PASSAGE_LENGTH,
    PASSAGES,
    QUERY_LENGTH,
    RECORDS,
    values,
)

RANDOM, BATCHES, DIFFERENT = 9, 6, 20
JUDGED = {"a": [0], "A ": [2], "c": [13], "d": [3], "e": [4], "f": [25], "g": [6]}
RELEVANT = {query: {row % DIFFERENT for row in rows} for query, rows in JUDGED.items()}
RELEVANT["a"] = RELEVANT["A "] = {0, 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Seven queries, of which two are one, and 30 passages, of which ten repeat others' texts."""
    folder = tmp_path_factory.mktemp("data")
    corpus = [{"id": f"p{n}", "text": f"passage {n % DIFFERENT}"} for n in range(30)]
    records = [
        {"question": query, "pos_pid": [f"p{n}" for n in rows], "neg_pids": [f"p{rows[0] + 3}"]}
        for query, rows in JUDGED.items()
    ]
    write_lines(folder / "corpus.jsonl", corpus)
    write_lines(folder / "train.jsonl", records)
    sources = DataSources(str(folder / "train.jsonl"), str(folder / "corpus.jsonl"))
    return prepare(sources, folder / "prepared")


def batches(data, processes=1, rank=0, **changes):
    settings = {"queries": 4, "negatives": 1, "seed": 5, "random_negatives": RANDOM, **changes}
    sampling = Sampling(**settings, processes=processes, rank=rank)
    return TrainingBatches(
        data,
        sampling,
        BATCHES,
        lambda queries: [[ord(query[0])] for query in queries],
        lambda texts, titles: [[int(text.split()[-1])] for text in texts],
    )


def compared(batch, passages):
    """What each query is compared with: the numbers of the texts, in the order of the columns."""
    return [
        [ids[0] for ids, out in zip(passages, row, strict=True) if not out]
        for row in batch.candidates.excluded.tolist()
    ]


@pytest.mark.parametrize("in_batch", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_a_query_is_compared_with_its_own_passages_and_the_random_ones(data, in_batch, known):
    sampled = batches(data, in_batch=in_batch, exclude_known_positives=not known)
    for step in range(BATCHES):
        batch, drawn = sampled[step], [sampled._draw(place) for place in sampled._places(step)]
        own = [[row % DIFFERENT for row in one.rows] for one in drawn]
        random = [ids[0] for ids in batch.passages[sum(map(len, own)) :]]
        assert len(random) == RANDOM
        for number, (one, found) in enumerate(
            zip(drawn, compared(batch, batch.passages), strict=True)
        ):
            others = [text for rows in own[:number] for text in rows]
            after = [text for rows in own[number + 1 :] for text in rows]
            candidates = [*own[number][1:], *random, *(others + after if in_batch else [])]
            relevant = set() if known else RELEVANT[one.query]
            wanted = [own[number][0], *(text for text in candidates if text not in relevant)]
            assert sorted(found) == sorted(wanted)


def test_random_passages_are_drawn_anew_for_every_batch(data):
    sampled = batches(data)
    drawn = [sampled._random(step) for step in range(200)]
    assert all(len(set(rows)) == RANDOM for rows in drawn)
    counts = [sum(row in rows for rows in drawn) for row in range(30)]
    assert all(30 <= count <= 90 for count in counts)  # 60 are expected, deviation 6.5
    assert sampled._random(3) == batches(data)._random(3) != batches(data, seed=6)._random(3)


@pytest.mark.parametrize("candidates", [None, 5])
@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_the_random_passages(data, processes, candidates):
    changes = {"in_batch": candidates is not None, "candidates": candidates}
    whole = batches(data, **changes)
    for step in range(BATCHES):
        parts = [batches(data, processes, rank, **changes)[step] for rank in range(processes)]
        together = [ids for part in parts for ids in part.passages]
        assert [len(part.passages) for part in parts] == parts[0].passage_counts
        assert sorted(together) == sorted(whole[step].passages)
        wanted = compared(whole[step], whole[step].passages)
        for part in parts:
            assert part.passage_counts == parts[0].passage_counts
            groups = part.candidates.groups[:, 0].tolist()
            first = whole[step].candidates.groups[:, 0].tolist()
            assert [together[c] for c in groups] == [whole[step].passages[c] for c in first]
            found = compared(part, together)
            assert [sorted(one) for one in found] == [sorted(one) for one in wanted]


def test_in_batch_negatives_are_limited_and_random_ones_are_not(data):
    batch = batches(data, candidates=2, exclude_known_positives=False)[0]
    assert (~batch.candidates.excluded).sum(1).tolist() == [2 + RANDOM] * 4


def recipe_of(files, output, **changes):
    return values(
        files,
        output,
        **{
            "objective": {"kl": 0.0, "margin_mse": 0.0, "teacher_temperature": 1.0},
            "data": {"random_negatives": 3, "negatives": 0},
            "schedule": {"steps": 4, "queries": 2, "accumulation": 2},
            "saving": {"every": 2},
            **changes,
        },
    )


def tokens_of_part(part, seed=42, random=3):
    """Of a query, its positive and the random passages."""
    epoch, number = divmod(part, len(RECORDS))
    query, positive, *_ = RECORDS[np.random.default_rng([seed, epoch]).permutation(4)[number]]
    names = list(PASSAGES)
    drawn = np.random.default_rng([seed, 4, part]).choice(len(names), random, replace=False)
    passages = [positive, *(names[row] for row in drawn)]
    lengths = [len(formula.tokens(PASSAGES[name], PASSAGE_LENGTH)) for name in passages]
    return len(formula.tokens(query, QUERY_LENGTH)) + sum(lengths)


def test_resumed_to_the_same_bits(files, tmp_path, monkeypatch):
    path = formula.write_recipe(tmp_path / "recipe.yaml", recipe_of(files, tmp_path / "run"))
    run(load_recipe(path, [f"output={tmp_path / 'whole'}"]))
    with interrupted(RetrievalTrainer, monkeypatch):
        run(load_recipe(path))
    run(load_recipe(path))
    whole, resumed = (formula.read_adapter(tmp_path / name) for name in ("whole", "run"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    cost = json.loads((tmp_path / "run" / "cost.json").read_text(encoding="utf-8"))
    assert cost["tokens"] == sum(map(tokens_of_part, range(4 * 2)))
    card = (tmp_path / "run" / "README.md").read_text(encoding="utf-8")
    assert "| Random negatives | 3 passages, shared by the queries of a batch |" in card


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"objective": {"contrastive": 0.0, "kl": 1.0}, "data": {"random_negatives": 3}},
            "data.random_negatives is for the contrastive loss; the others compare only a",
        ),
        (
            {
                "objective": {"contrastive": 0.0, "margin_mse": 1.0},
                "data": {"in_batch_negatives": True},
            },
            "data.in_batch_negatives is for the contrastive loss; the others",
        ),
        (
            {"data": {"in_batch_negatives": False}},
            "data.in_batch_negatives is false, but data.random_negatives is 0; give their number",
        ),
        (
            {"schedule": {"steps": 1, "queries": 2, "candidates": 2}},
            "schedule.candidates limits the in-batch negatives, and with data.random_negatives "
            "there are none; .* or write in_batch_negatives: true",
        ),
        ({"data": {"random_negatives": -1}}, "random_negatives is -1; give a whole number from 0"),
        (
            {"data": {"random_negatives": 6, "negatives": 0}},
            "data.random_negatives is 6, but .*corpus.jsonl has only 5 passages; lower it, or name",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(files, tmp_path, changes, message):
    recipe = recipe_of(files, tmp_path / "run", **changes)
    with pytest.raises(UsageError, match=message):
        run(load_recipe(formula.write_recipe(tmp_path / "recipe.yaml", recipe)))


@pytest.mark.parametrize("stage", ["mntp", "clm"])
def test_stages_without_queries_draw_no_negatives(tmp_path, stage):
    recipe = {"stage": stage, "backbone": "b", "output": str(tmp_path / "run")}
    recipe |= {"data": {"train": "t", "random_negatives": 256}, "schedule": {"steps": 1}}
    path = formula.write_recipe(tmp_path / "recipe.yaml", recipe)
    message = f"the stage {stage} does not use 'data.random_negatives'; leave it out"
    with pytest.raises(UsageError, match=message):
        load_recipe(path)


def test_passages_of_one_text_are_no_negatives():
    keys = np.array([[1, 2]] * 3, np.uint64)
    with pytest.raises(UsageError, match="all passages of x have the same text, so no query has"):
        random_negatives.require_passages(1, keys, "x")
    random_negatives.require_passages(0, keys, "x")
    keys[2] = 5
    random_negatives.require_passages(3, keys, "x")
