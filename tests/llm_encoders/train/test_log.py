"""What the log says: epochs, rates, and where it goes."""

import dataclasses
import importlib.util
import json
import math
import shutil

import pytest
import torch
import yaml

from llm_encoders.errors import UsageError
from llm_encoders.train.assembly import make_objective
from llm_encoders.train.candidates import Candidates
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.recipe.help import list_keys
from llm_encoders.train.recipe.recipe import Recipe
from llm_encoders.train.reporters import require_reporters
from llm_encoders.train.run import run

QUESTIONS = 9  # of the small training set


def logged(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").open()]


def test_epochs_are_passes_over_the_queries(recipe_file, tmp_path):
    run(load_recipe(recipe_file(schedule={"steps": 3, "queries": 4, "accumulation": 2})))
    lines = logged(tmp_path / "run")
    steps = [line for line in lines if "loss" in line]
    assert [line["epoch"] for line in steps] == pytest.approx(
        [4 / QUESTIONS * n for n in (1, 2, 3)]
    )
    (end,) = [line for line in lines if "train_runtime" in line]
    assert end["epoch"] == pytest.approx(12 / QUESTIONS)
    assert end["train_samples_per_second"] == pytest.approx(12 / end["train_runtime"], rel=0.01)
    assert end["train_steps_per_second"] == pytest.approx(3 / end["train_runtime"], rel=0.01)


def test_rates_after_a_resume_are_those_of_the_session(recipe_file, tmp_path):
    recipe = load_recipe(recipe_file(saving={"every": 1, "keep": 3}))
    run(recipe)
    output = tmp_path / "run"
    (output / "cost.json").unlink()
    shutil.rmtree(output / "checkpoint-3")
    run(recipe)
    (end,) = [line for line in logged(output) if "train_runtime" in line]
    assert end["train_samples_per_second"] == pytest.approx(4 / end["train_runtime"], rel=0.01)


def test_epochs_of_passages(recipe_file, tmp_path, beir):
    text = recipe_file().read_text()
    path = tmp_path / "mntp.yaml"
    values = yaml.safe_load(text)
    values = {key: values[key] for key in ("backbone", "output", "schedule", "device", "trainer")}
    path.write_text(
        yaml.safe_dump({**values, "stage": "mntp", "data": {"train": str(beir / "corpus.jsonl")}})
    )
    run(load_recipe(path, ["mntp.max_length=64"]))
    (end,) = [line for line in logged(tmp_path / "run") if "train_runtime" in line]
    assert end["train_samples_per_second"] == pytest.approx(12 / end["train_runtime"], rel=0.01)


@pytest.mark.parametrize("name", ["wandb", "tensorboard"])
def test_a_reporter_that_is_not_installed(recipe_file, monkeypatch, name):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    with pytest.raises(
        UsageError, match=f"{name}, which is not installed; run: pip install {name}"
    ):
        require_reporters([name])


def test_an_unknown_reporter(recipe_file):
    with pytest.raises(UsageError, match="report_to is 'wandbb'.*Did you mean 'wandb'"):
        run(load_recipe(recipe_file(), ["trainer.report_to=wandbb"]))
    require_reporters(["none"])


def test_a_dense_encoder_can_tell_passages_apart(recipe_file):
    """The loss of perfectly separated unit vectors: log(1 + (n - 1) exp(-2 / T)), T = 0.01."""
    strength = {"queries": 0.0, "passages": 0.0}
    recipe = load_recipe(recipe_file(encoder={"paradigm": "dense"}, regularisation=strength))
    objective = make_objective(recipe, None)
    passages = torch.tensor([[1.0, 0.0], *[[-1.0, 0.0]] * 1903])
    (part,) = objective.parts(passages[:1], passages, Candidates(torch.tensor([[0]])))
    assert float(part.value) == pytest.approx(0.0, abs=1e-6)
    at_one = math.log(1 + 1903 * math.exp(-2))
    (part,) = type(objective)({"contrastive": 1.0}).parts(
        passages[:1], passages, Candidates(torch.tensor([[0]]))
    )
    assert float(part.value) == pytest.approx(at_one, rel=1e-5) and at_one > 5.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": {"teacher_temperature": 0.5}}, "from whom only kl and margin_mse learn"),
        ({"health": {"collapse": "never"}}, "choose one of stop, warn, off"),
    ],
)
def test_keys_that_would_do_nothing(recipe_file, changes, message):
    with pytest.raises(UsageError, match=message):
        load_recipe(recipe_file(**changes))


@pytest.mark.parametrize("key", ["data.passage_max_length", "encoder.query_max_length"])
def test_texts_longer_than_the_backbone(recipe_file, key):
    with pytest.raises(UsageError, match=f"{key} is 513, but the backbone .* has 512 positions"):
        run(load_recipe(recipe_file(), [f"{key}=513"]))


def test_help_gives_every_key_its_meaning():
    text = list_keys()
    for one in dataclasses.fields(Recipe):
        assert f"\n{one.name}: " in text or f"\n  {one.name} (" in text, one.name
    flat = " ".join(text.split())
    for words in (
        *("learning_rate (0.0001) The highest learning rate.", "passages (0) Weight for"),
        *("share (0.2) Probability", "margin_mse (0) Weight: mean over its negatives"),
    ):
        assert words in flat
    assert all(len(line) <= 100 for line in text.splitlines())
