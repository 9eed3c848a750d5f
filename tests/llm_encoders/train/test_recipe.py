"""Recipes are read strictly: every mistake is an error that says what to write instead."""

import re

import pytest

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.train.__main__ import main
from llm_encoders.train.recipe.file import load_recipe


def test_defaults_and_overrides(recipe_file):
    path = recipe_file()
    recipe = load_recipe(path, ["schedule.steps=7", "schedule.learning_rate=1e-4", "adapter=null"])
    assert recipe.schedule.steps == 7
    assert recipe.schedule.learning_rate == 1e-4
    assert recipe.adapter is None
    assert load_recipe(path).adapter.rank == 16


def test_a_written_recipe_is_read_back(recipe_file, tmp_path):
    recipe = load_recipe(recipe_file())
    copy = tmp_path / "copy.yaml"
    copy.write_text(recipe.to_yaml(), encoding="utf-8")
    assert load_recipe(copy) == recipe


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["objectiv.kl=1"], "unknown key 'objectiv'. Did you mean 'objective'?"),
        (["schedule.step=5"], "unknown key 'schedule.step'. Did you mean 'steps'?"),
        (["encoder.paradigm=spares"], "paradigm is 'spares'.*Did you mean 'sparse'"),
        (["schedule.epochs=1"], "exactly one of .*are schedule.steps and schedule.epochs"),
        (["schedule.steps=null"], "exactly one of .*there is none"),
        (["schedule.steps=null", "budget.training_flops=-1e15"], "training_flops is -1e\\+15"),
        (["schedule.steps=0"], "schedule.steps is 0; give a whole number from 1 to 2,147,483,647"),
        (["schedule.steps=many"], "'schedule.steps' is 'many'; expected a whole number"),
        (["objective.contrastive=0"], "objective has no loss"),
        (["objective.kl=1", "data.negatives=0"], "give negatives"),
        (["encoder.paradigm=dense"], "regularisation is for sparse encoders"),
        (["stage=finetune"], "stage is 'finetune'.*Did you mean 'fine-tune'"),
        (["schedule.queries=5", "schedule.accumulation=2"], "no multiple"),
        (["regularisation.kind=flop"], "Did you mean 'flops'"),
        (["schedule.candidates=3"], "candidates is 3; a query's own passages are 4"),
        (
            ["objective={kl: 1}", "schedule.candidates=8"],
            "candidates limits the in-batch negatives, which only contrastive uses",
        ),
        (["schedule.warmup=7"], "schedule.warmup is 7; give a finite number from 0 to 1"),
        (["objective.kl=-1"], "objective.kl is -1; give a finite number of at least 0"),
        (
            ["regularisation.passages=-1"],
            "regularisation.passages is -1; give a finite number of at least 0",
        ),
        (
            ["schedule.steps=null", "schedule.epochs=-2"],
            "schedule.epochs is -2; give a finite number above 0",
        ),
        (
            ["objective.teacher_temperature=0"],
            "teacher_temperature is 0; give a finite number above 0",
        ),
        (["schedule.learning_rate=.nan"], "learning_rate is nan; give a finite number above 0"),
        (["schedule.seed=-1"], "schedule.seed is -1; give a whole number from 0 to 4,294,967,295"),
        (["evaluation={collections: [1]}"], "collections' is .1.; expected a list of texts"),
        (["dtype=float"], "dtype is 'float'; choose one of .*Did you mean"),
        (["quantization=4bits"], "Did you mean '4bit'"),
        (["quantization=4bit", "adapter=null"], "add an adapter"),
        (["start_from=x", "adapter.rank=64"], "leave 'adapter' out"),
        (["encoder.normalize=true"], "encoder.normalize is for dense encoders; this one is sparse"),
        (
            ["encoder={paradigm: dense, query_top_k: 3}", "regularisation={}"],
            "encoder.query_top_k is for sparse encoders; this one is dense",
        ),
        (["evaluation={collections: [a/x, b/x]}"], "has 2 folders of the name 'x'"),
        (["evaluation={collections: []}"], "evaluation.collections is empty"),
        (["mntp.share=0.3"], "'mntp' belongs to the stage mntp"),
        (["clm.max_length=9"], "'clm' belongs to the stage clm; this is fine-tune"),
        (["stage=mntp", "encoder=null"], "does not use 'objective'"),
        (["saving.keep=0"], "saving.keep is 0"),
        (["evaluation.collections=[a"], "what follows '=' is not valid YAML"),
        (["steps"], "is no override"),
        (["data.train=null"], "'data.train' is None; expected a text"),
    ],
)
def test_mistakes(recipe_file, overrides, message):
    with pytest.raises(UsageError, match=message) as caught:
        load_recipe(recipe_file(), overrides)
    given = rf"recipe-0.yaml(, line \d+)? with {re.escape(' '.join(overrides))}: "
    assert re.search(given, str(caught.value)) or "override" in message or "YAML" in message


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"schedule": {"steps": None}, "budget": {"training_flops": -1e9}}, "training_flops", ""),
        ({"schedule": {"stepz": 3}}, "stepz", "unknown key 'schedule.stepz'"),
        ({"encoder": {"paradigm": "spares"}}, "paradigm", "'spares'"),
        ({"objectives": {}}, "objectives", "unknown key"),
        ({"saving": {"every": 0}}, "every", "saving.every is 0"),
        ({"start_from": "x", "adapter": {"rank": 8}}, "adapter", "leave 'adapter' out"),
        ({"mntp": {"share": 0.3}}, "mntp", "belongs to the stage mntp"),
    ],
)
def test_the_line_of_a_mistake(recipe_file, changes, key, message):
    path = recipe_file(**changes)
    lines = path.read_text().splitlines()
    (line,) = (n for n, text in enumerate(lines, start=1) if text.strip().startswith(f"{key}:"))
    with pytest.raises(UsageError, match=f"recipe-0.yaml, line {line}: .*{message}"):
        load_recipe(path)


def test_no_such_recipe():
    with pytest.raises(EncoderError, match=r"Cannot read nowhere.yaml: No such file"):
        load_recipe("nowhere.yaml")


@pytest.mark.parametrize("override", ["schedule={steps: 0}", "encoder.attention=x", "schedule=1"])
def test_a_line_is_not_blamed_for_what_replaced_it(recipe_file, override):
    with pytest.raises(UsageError, match="recipe-0.yaml with"):
        load_recipe(recipe_file(), [override])


def test_the_line_of_what_only_the_backbone_tells(recipe_file, monkeypatch, capsys):
    """The command finds the line of an error that arises after the recipe was read."""
    path = recipe_file(data={"passage_max_length": 513})
    lines = path.read_text().splitlines()
    (line,) = (n for n, text in enumerate(lines, start=1) if "passage_max_length:" in text)
    monkeypatch.setattr("sys.argv", ["train", str(path)])
    assert main() == 2
    assert f"{path}, line {line}: data.passage_max_length is 513" in capsys.readouterr().err
