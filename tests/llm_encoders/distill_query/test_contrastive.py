"""The contrastive loss against a frozen document tower: by hand, in a run, and by which labels."""

import json
import math

import numpy as np
import pytest
import torch

from llm_encoders import UsageError, load_encoder
from llm_encoders.distill_query.losses import LOSSES, Distilled, QueryCandidates
from llm_encoders.distill_query.recipe.recipe import DistillRecipe
from llm_encoders.distill_query.run import run
from llm_encoders.train.recipe.file import read_recipe
from tests.llm_encoders.conftest import QUESTIONS, TOPICS

STUDENT = [[3.0, 0.0, 4.0], [1.0, 2.0, 2.0], [0.0, 1.0, 0.0]]
PASSAGES = [[1.0, 0.0, 0.5], [0.0, 2.0, 0.0], [-1.0, 2.0, 1.0], [0.0, 0.5, 0.25]]
TEMPERATURE = 2.0


def candidates(excluded):
    """Two passages of the first query, two of the second, none of the third."""
    entries = [(p, c, v) for p, row in enumerate(PASSAGES) for c, v in enumerate(row) if v]
    passage, column, value = (torch.tensor(one) for one in zip(*entries, strict=True))
    return QueryCandidates(
        owner=torch.tensor([0, 0, 1, 1]),
        slot=torch.tensor([0, 1, 0, 1]),
        passage=passage,
        column=column,
        value=value,
        scores=torch.zeros((3, 2)),
        valid=torch.tensor([[True, True], [True, True], [False, False]]),
        excluded=torch.tensor(excluded),
    )


NONE = [[False] * 4] * 3


@pytest.mark.parametrize(
    ("excluded", "compared"),
    [
        (NONE, [{0, 1, 2, 3}, {0, 1, 2, 3}]),
        # a positive of its own is never left out, and another one is no negative
        ([[True, False, True, False], [False] * 4, [False] * 4], [{0, 1, 3}, {0, 1, 2, 3}]),
    ],
)
def test_cross_entropy_among_all_passages_of_the_batch(excluded, compared):
    given = Distilled(torch.tensor(STUDENT), torch.zeros(3, 3), candidates(excluded), TEMPERATURE)
    wanted = []
    for row, (positive, among) in enumerate(zip((0, 2), compared, strict=True)):
        scores = np.array(PASSAGES) @ np.array(STUDENT[row]) / TEMPERATURE
        wanted.append(-math.log(math.exp(scores[positive]) / sum(np.exp(scores[[*among]]))))
    assert LOSSES["contrastive"].of(given).tolist() == pytest.approx(wanted, rel=1e-5)


def test_gradients_reach_the_student():
    given = candidates(NONE)
    exact = {n: o.double() if o.is_floating_point() else o for n, o in vars(given).items()}

    def loss(vectors):
        batch = Distilled(vectors, vectors, QueryCandidates(**exact), TEMPERATURE)
        return LOSSES["contrastive"].of(batch).sum()

    student = torch.tensor(STUDENT, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, (student,))


def test_no_query_of_a_batch_has_labels():
    given = Distilled(torch.tensor(STUDENT), torch.zeros(3, 3))
    assert LOSSES["contrastive"].of(given).tolist() == []


@pytest.mark.parametrize("paradigm", ["dense", "sparse"])
def test_a_run_by_labels(recipe_of, teachers, beir, tmp_path, paradigm):
    """The student begins as the whole teacher, so the first loss is the teacher's own."""
    recipe = recipe_of(
        paradigm,
        student={"kind": "layers", "layers": 4},
        queries={},
        candidates={"source": str(beir), "negatives": 0},
        encoder={"temperature": 0.5},
        losses={"contrastive": 1},
        schedule={"steps": 5, "queries": 9, "learning_rate": 3e-3},
        held_out=0,
        saving={"every": 100},
    )
    run(read_recipe(DistillRecipe, recipe))
    output = tmp_path / "run"
    log = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    found = [line["contrastive"] for line in log if "contrastive" in line]
    teacher = load_encoder(str(teachers[paradigm]), device="cpu")
    pairs = [(topic, asked) for topic, some in QUESTIONS.items() for asked in some]
    queries = teacher.encode_queries([asked for _, asked in pairs])
    passages = teacher.encode_documents(list(TOPICS.values()), list(TOPICS))
    scores = queries @ passages.T
    scores = (scores if isinstance(scores, np.ndarray) else scores.toarray()) / 0.5
    losses = []
    for row, (topic, _) in enumerate(pairs):
        own = list(TOPICS).index(topic)
        # one passage a query: those of the queries of the same topic are the same text
        others = [list(TOPICS).index(name) for name, _ in pairs if name != topic]
        compared = np.exp(scores[row, [own, *others]].astype(np.float64))
        losses.append(-math.log(compared[0] / compared.sum()))
    assert found[0] == pytest.approx(np.mean(losses), rel=1e-4)
    assert found[-1] < found[0]
    student = load_encoder(str(output), device="cpu")
    assert student.config.passage_encoder == "teacher"
    assert student.files.teacher.contract == teacher.config
    card = (output / "README.md").read_text()
    assert f"labels of `{beir.name}`, at most 0 negatives" in card and "without labels" not in card


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"losses": {"contrastive": 1}}, "name the file that lists them"),
        (
            {"losses": {"margin_mse": 1}, "candidates": {"source": "x", "negatives": 0}},
            "margin_mse compares a query's own passages; give at least 1",
        ),
    ],
)
def test_refusals(recipe_of, changes, message):
    paradigm = "sparse" if "margin_mse" in changes["losses"] else "dense"
    with pytest.raises(UsageError, match=message):
        read_recipe(DistillRecipe, recipe_of(paradigm, **changes))
