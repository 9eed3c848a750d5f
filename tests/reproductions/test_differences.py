"""The page on differences: its commands are recipes, and they say what the page says."""

import re
import shlex

import pytest

from llm_encoders.train.recipe.file import load_recipe
from tests.reproductions.test_recipes import FOLDER, PAPER

PAGE = (FOLDER.parent / "differences.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line.partition("-m llm_encoders.train ")[2])
    for line in PAGE.replace("\\\n", " ").splitlines()
    if line.startswith("torchrun --nproc-per-node 4 -m llm_encoders.train ")
]
COMPARED = {"llama-3.2-1b": 1904, "llama-3.2-3b": 1088, "llama-3-8b": 544}  # passages a query
EPOCHS = {"llama-3.2-1b": (7, 56), "llama-3.2-3b": (3, 24), "llama-3-8b": (1, 8)}
QUERIES = 532_751


def scale_of(name):
    return next(scale for scale in COMPARED if name.startswith(scale))


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0].rpartition("/")[2])
def test_a_command_trains_the_published_way(words):
    recipe = load_recipe(FOLDER.parents[1] / words[0], words[1:])
    schedule = recipe.schedule
    assert recipe.objective.loss_scaling == "reference"
    assert not recipe.data.exclude_known_positives
    if recipe.encoder.paradigm == "sparse":
        assert recipe.regularisation.ramp_unit == "micro-batch"
    queries, rest = divmod(schedule.queries, schedule.accumulation)
    assert not rest
    if recipe.objective.contrastive and recipe.encoder.paradigm == "sparse":
        name = words[0].rpartition("/")[2]
        compared = schedule.candidates or queries * (1 + recipe.data.negatives)
        assert compared == COMPARED[scale_of(name)]


def test_all_commands_are_found():
    assert len(COMMANDS) == PAGE.count("torchrun") == 5


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.stem)
def test_epochs_are_about_the_steps(path):
    recipe = load_recipe(path)
    if recipe.stage == "mntp":
        return
    epochs = EPOCHS[scale_of(path.stem)][bool(recipe.objective.margin_mse)]
    steps = epochs * QUERIES / recipe.schedule.queries
    assert recipe.schedule.steps == pytest.approx(steps, rel=0.02)


def test_keys_of_the_page_exist():
    """Every `section.key` in backquotes is one of a recipe."""
    recipe = load_recipe(PAPER[0])
    keys = set(re.findall(r"`(\w+\.\w+)(?:: [\w-]+)?`", PAGE))
    assert len(keys) >= 8
    for key in keys:
        section, name = key.split(".")
        assert hasattr(getattr(recipe, section), name), key
