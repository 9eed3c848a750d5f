"""Two processes, parts of a step and chunks against formulas in float64, in one launch."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from tests.llm_encoders.conftest import BACKBONE
from tests.llm_encoders.train import formula
from tests.llm_encoders.train.small_run import (
    PASSAGE_LENGTH,
    PASSAGES,
    batch,
    objective,
    values,
)

SEED, STEPS, PARTS = 7, 2, 2
LENGTH, SHARE, MASK, DECAY_EPOCHS = 11, 0.4, "_", 7.5
LANGUAGE_MODELLING = {"steps": STEPS, "queries": 6, "accumulation": PARTS, "warmup": 0}
RATE = 0.1
RANDOM = 3

_RUNS = """
import sys
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
for path in sys.argv[1:]:
    run(load_recipe(path))
"""


def recipes(files, folder):
    schedule = {**LANGUAGE_MODELLING, "learning_rate": RATE, "seed": SEED, "chunk_tokens": 16}
    stage = {
        "backbone": str(BACKBONE),
        "start_from": str(files / "adapter"),
        "data": {"train": str(files / "corpus.jsonl")},
        "schedule": schedule,
        "device": "cpu",
        "trainer": {"logging_steps": 1, "disable_tqdm": True, "optim": "sgd"},
    }
    mntp = {"mask_token": MASK, "share": SHARE, "max_length": LENGTH, "decay_epochs": DECAY_EPOCHS}
    alone = {**mntp, "packing": False, "decay_epochs": None}
    parted = {"steps": STEPS, "accumulation": PARTS, "warmup": 0, "seed": SEED}
    together = {**parted, "accumulation": 1}
    return {
        "mntp": {**stage, "stage": "mntp", "mntp": mntp, "output": str(folder / "mntp")},
        "mntp-alone": {
            **stage,
            "stage": "mntp",
            "mntp": alone,
            "output": str(folder / "mntp-alone"),
        },
        "clm": {
            **stage,
            "stage": "clm",
            "clm": {"max_length": LENGTH},
            "output": str(folder / "clm"),
        },
        "parted": values(files, folder / "parted", schedule=parted),
        "ramped": values(
            files,
            folder / "ramped",
            schedule=parted,
            regularisation={"ramp_unit": "micro-batch"},
        ),
        "towers": {
            **values(
                files,
                folder / "towers",
                schedule=parted,
                trainer={"activation_checkpointing": True},
            ),
            "towers": "adapters",
        },
        "random": values(
            files,
            folder / "random",
            schedule=parted,
            data={"random_negatives": RANDOM, "negatives": 1},
            objective={"kl": 0.0, "margin_mse": 0.0, "teacher_temperature": 1.0},
        ),
        "reference": values(
            files,
            folder / "reference",
            schedule=together,
            objective={"margin_mse": 0.0, "loss_scaling": "reference"},
            data={"exclude_known_positives": False},
        ),
    }


@pytest.fixture(scope="module")
def runs(request, torchrun, files, tmp_path_factory):
    """The recipes of the tests to run, and the folder of what two processes made of them."""
    folder = tmp_path_factory.mktemp("runs")
    items = [item for item in request.session.items if item.path == request.path]
    wanted = {item.callspec.params["name"] for item in items}
    given = {name: one for name, one in recipes(files, folder).items() if name in wanted}
    script = folder / "runs.py"
    script.write_text(_RUNS, encoding="utf-8")
    paths = [formula.write_recipe(folder / f"{name}.yaml", one) for name, one in given.items()]
    torchrun(script, *paths)
    return given, folder


def order(texts, step, part, size):
    """Places, and what stands there, of one part of a step: every pass is shuffled anew."""
    first = (step * PARTS + part) * size
    for place in range(first, first + size):
        epoch, number = divmod(place, len(texts))
        yield place, texts[np.random.default_rng([SEED, epoch]).permutation(len(texts))[number]]


def masked(ids, place):
    """Masked next-token prediction: the text with masks, and {position: token to predict}."""
    tokenizer = AutoTokenizer.from_pretrained(BACKBONE)
    (mask,) = tokenizer(MASK, add_special_tokens=False)["input_ids"]
    generator = np.random.default_rng([SEED, 2, place])
    chances, ids, targets = generator.random((len(ids), 2)), list(ids), {}
    for position, token in enumerate(ids):
        if chances[position, 0] < SHARE and token not in tokenizer.all_special_ids:
            if position > 0:
                targets[position] = token
            if chances[position, 1] < 0.8:
                ids[position] = mask
            elif chances[position, 1] < 0.9:
                ids[position] = int(generator.integers(formula.CONFIG["vocab_size"]))
    return ids, targets


def cross_entropy(values_, target):
    return torch.log(torch.exp(values_).sum()) - values_[target]


def rows_of(name):
    """Packed: tokens of all passages one behind the other, cut into full rows."""
    if name != "mntp":
        return [formula.tokens(text, LENGTH) for text in PASSAGES.values()]
    together = [token for text in PASSAGES.values() for token in formula.tokens(text, 1000)]
    return [together[i : i + LENGTH] for i in range(0, len(together) - LENGTH + 1, LENGTH)]


def language_modelling_loss(llama, stage, step):
    texts = rows_of(stage)
    means = []
    for part in range(PARTS):
        losses = []
        for place, ids in order(texts, step, part, 3):
            hidden, targets = masked(ids, place)
            if stage == "clm":
                hidden, targets = ids, dict(list(enumerate(ids))[1:])
            logits = llama.states(hidden, causal=stage == "clm") @ llama.head.T
            for position, token in targets.items():
                before = logits[position - 1]
                losses.append(cross_entropy(before, token))
                if stage == "clm":
                    losses[-1] = losses[-1] + cross_entropy(
                        torch.log(1 + before.clamp(min=0)), token
                    )
        means.append(torch.stack(losses).mean())
    return torch.stack(means).mean()


@pytest.mark.parametrize("name", ["mntp", "mntp-alone", "clm"])
def test_language_modelling(runs, files, name):
    _, folder = runs
    llama = formula.Llama(files / "adapter")
    for step, line in enumerate(formula.logged(folder / name)):
        loss = language_modelling_loss(llama, name, step)
        end = math.ceil(DECAY_EPOCHS * len(rows_of(name)) / 6) if name == "mntp" else STEPS
        rate = RATE * (end - step) / end
        norm = formula.descend(llama.trained, loss, rate)
        assert line["loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
        assert line["grad_norm"] == pytest.approx(norm, rel=1e-5)
        assert line["learning_rate"] == pytest.approx(rate)
    formula.assert_same_change(
        formula.read_adapter(files / "adapter"), llama.trained, folder / name
    )


@pytest.mark.parametrize(
    ("name", "ramps"),
    [
        ("parted", [[1 / 4, 1 / 4], [1, 1]]),
        ("ramped", [[1 / 4, 1], [1, 1]]),
    ],
    ids=["parted", "ramped"],
)
def test_parts_of_a_step(runs, files, name, ramps):
    """Queries of different parts are not compared, and every part counts the same."""
    given, folder = runs
    recipe = given[name]
    wanted, llama = objective(recipe), formula.Llama(files / "adapter")
    lines = formula.logged(folder / name)
    for step, (line, ramp) in enumerate(zip(lines, ramps, strict=True)):
        loss = 0.0
        for part in range(PARTS):
            queries = [one for _, one in order(batch(), step, part, 2)]
            parts = wanted.parts(llama.sparse, queries)
            loss = loss + wanted.total(parts, ramp[part]) / PARTS
        rate = recipe["schedule"]["learning_rate"] * (STEPS - step) / STEPS
        norm = formula.descend(llama.trained, loss, rate)
        assert line["loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
        assert line["grad_norm"] == pytest.approx(norm, rel=1e-5)
        assert line["ramp"] == ramp[-1]
    formula.assert_same_change(
        formula.read_adapter(files / "adapter"), llama.trained, folder / name
    )


@pytest.mark.parametrize("name", ["towers"])
def test_two_towers(runs, files, name):
    """An adapter a side, chunks of a side and idle ones, parts of a step, two processes,
    activations recomputed."""
    given, folder = runs
    recipe = given[name]
    wanted, towers = objective(recipe), formula.Towers(files / "adapter")
    for step, (line, ramp) in enumerate(
        zip(formula.logged(folder / name), [1 / 4, 1], strict=True)
    ):
        loss = 0.0
        for part in range(PARTS):
            queries = [one for _, one in order(formula.marked(batch()), step, part, 2)]
            loss = loss + wanted.total(wanted.parts(towers.sparse, queries), ramp) / PARTS
        rate = recipe["schedule"]["learning_rate"] * (STEPS - step) / STEPS
        norm = formula.descend(towers.trained, loss, rate)
        assert line["loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
        assert line["grad_norm"] == pytest.approx(norm, rel=1e-5)
    before = formula.read_adapter(files / "adapter")
    formula.assert_same_change(before, towers.passage.trained, folder / name)
    formula.assert_same_change(before, towers.query.trained, folder / name / "query")


@pytest.mark.parametrize("name", ["random"])
def test_random_negatives(runs, files, name):
    """Drawn for every part of a step, shared by its queries, which are not compared otherwise.

    The query's own hard negative is drawn again in every pass; the statins are the positive of two
    queries, and no negative of either where they are drawn at random.
    """
    given, folder = runs
    recipe, names = given[name], list(PASSAGES)
    wanted = replace(objective(recipe), in_batch=False)
    llama = formula.Llama(files / "adapter")
    for step, (line, ramp) in enumerate(
        zip(formula.logged(folder / name), [1 / 4, 1], strict=True)
    ):
        loss = contrastive = 0.0
        for part in range(PARTS):
            queries = [hard(one, place) for place, one in order(batch(), step, part, 2)]
            generator = np.random.default_rng([SEED, 4, step * PARTS + part])
            drawn = [names[row] for row in generator.choice(len(names), RANDOM, replace=False)]
            random = [(one, formula.tokens(PASSAGES[one], PASSAGE_LENGTH)) for one in drawn]
            parts = wanted.parts(llama.sparse, queries, random)
            loss = loss + wanted.total(parts, ramp) / PARTS
            contrastive += float(parts["contrastive"].detach()) / PARTS
        rate = recipe["schedule"]["learning_rate"] * (STEPS - step) / STEPS
        norm = formula.descend(llama.trained, loss, rate)
        assert line["contrastive"] == pytest.approx(contrastive, rel=1e-5)
        assert line["loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
        assert line["grad_norm"] == pytest.approx(norm, rel=1e-5)
    formula.assert_same_change(
        formula.read_adapter(files / "adapter"), llama.trained, folder / name
    )


def hard(one, place):
    """The query of a place with its positive and the hard negative that is drawn there."""
    generator = np.random.default_rng([SEED, 1, place])
    generator.integers(1)
    chosen = [0, 1 + int(generator.permutation(len(one.names) - 1)[0])]
    fields = (one.names, one.passages, one.teacher)
    return formula.Query(one.ids, *([field[n] for n in chosen] for field in fields))


@pytest.mark.parametrize("name", ["reference"])
def test_the_reference_s_loss_scaling(runs, files, name):
    """Terms over gathered texts count half with two processes; KL counts in full.

    Two queries share a positive, which is a negative of each where the other brings it.
    """
    given, folder = runs
    recipe = given[name]
    wanted = replace(objective(recipe), known_positives=True)
    llama = formula.Llama(files / "adapter")
    for step, line in enumerate(formula.logged(folder / name)):
        ramp = min(1.0, (step + 1) / 2) ** 2
        parts = wanted.parts(llama.sparse, batch())
        whole = wanted.total(parts, ramp)
        distilled = wanted.kl * parts["kl"]
        loss = (whole - distilled) / 2 + distilled
        rate = recipe["schedule"]["learning_rate"] * (STEPS - step) / STEPS
        norm = formula.descend(llama.trained, loss, rate)
        assert line["contrastive"] == pytest.approx(float(parts["contrastive"].detach()), rel=1e-5)
        assert line["grad_norm"] == pytest.approx(norm, rel=1e-5)
    formula.assert_same_change(
        formula.read_adapter(files / "adapter"), llama.trained, folder / name
    )
