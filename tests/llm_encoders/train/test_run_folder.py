"""What a run may do to its output folder: nothing to anybody else's files, no other run's data."""

import os
from pathlib import Path

import pytest

from llm_encoders import UsageError
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
from llm_encoders.train.run_folder import RunFolder


@pytest.fixture
def output(tmp_path):
    return tmp_path / "run"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["data/train.jsonl", "notes.txt", "run.yaml"])
def test_a_folder_of_other_files_is_refused(recipe_file, output, name, overwrite):
    path = output / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(UsageError, match="holds other files, '(data|notes.txt|run.yaml)' among"):
        run(load_recipe(recipe_file()), overwrite)
    assert path.read_text() == "mine" and [p.name for p in output.iterdir()] == [name.split("/")[0]]


def test_overwriting_removes_what_the_run_wrote_and_no_more(recipe_file, output):
    recipe = recipe_file(saving={"every": 1})
    run(load_recipe(recipe))
    (output / "notes.txt").write_text("mine")
    (output / "plots").mkdir()
    (output / "plots" / "checkpoint-1.svg").write_text("mine")
    assert (output / "adapter_config.json").exists()
    run(load_recipe(recipe, ["adapter=null", "schedule.steps=1"]), overwrite=True)
    assert (output / "model.safetensors").exists()
    assert not (output / "adapter_config.json").exists()
    assert [p.name for p in output.glob("checkpoint-*")] == ["checkpoint-1"]
    assert (output / "notes.txt").read_text() == "mine"
    assert (output / "plots" / "checkpoint-1.svg").exists()


def test_a_recipe_that_was_refused_can_be_mended(recipe_file, output):
    recipe = recipe_file()
    with pytest.raises(UsageError, match="min_lr"):
        run(load_recipe(recipe, ["trainer.lr_scheduler_type=cosine_with_min_lr"]))
    assert (output / "run.yaml").exists() and not (output / "spent.json").exists()
    run(load_recipe(recipe))
    assert load_recipe(output / "run.yaml").trainer.get("lr_scheduler_type") is None
    with pytest.raises(UsageError, match="another recipe; it differs in schedule.steps"):
        run(load_recipe(recipe, ["schedule.steps=4"]))


def test_a_run_that_was_stopped_while_it_noted_its_recipe(recipe_file, output):
    recipe = load_recipe(recipe_file(saving={"every": 1}))
    run(recipe)
    (output / "spent.json").unlink()
    (output / "run.yaml.tmp").write_text("backb")
    run(recipe)
    assert (output / "spent.json").exists() and not (output / "run.yaml.tmp").exists()


def test_another_recipe_does_not_go_on_from_a_checkpoint(recipe_file, output):
    recipe = recipe_file(saving={"every": 1})
    run(load_recipe(recipe))
    for name in [*(output / ".files").read_text().splitlines(), ".files"]:
        (output / name).unlink()  # as a kill in the middle leaves it
    with pytest.raises(UsageError, match="another recipe; it differs in schedule.steps"):
        run(load_recipe(recipe, ["schedule.steps=4"]))
    run(load_recipe(recipe))


def test_what_came_since_the_first_look_is_seen_under_the_lock(recipe_file, output):
    folder = RunFolder(load_recipe(recipe_file(), ["schedule.steps=4"]))
    run(load_recipe(recipe_file()))
    with pytest.raises(UsageError, match="another recipe; it differs in schedule.steps"):
        folder.claim()


def test_overwriting_unlinks_a_checkpoint_that_lies_elsewhere(recipe_file, output, tmp_path):
    recipe = recipe_file(saving={"every": 1, "keep": 3})
    run(load_recipe(recipe))
    (output / "checkpoint-3").rename(tmp_path / "elsewhere")
    (output / "checkpoint-3").symlink_to(tmp_path / "elsewhere")
    run(load_recipe(recipe, ["schedule.steps=1"]), overwrite=True)
    assert [path.name for path in output.glob("checkpoint-*")] == ["checkpoint-1"]
    assert (tmp_path / "elsewhere" / "complete.json").exists()


def test_a_finished_encoder_is_not_taken_for_another(recipe_file, output, scored):
    recipe = recipe_file()
    run(load_recipe(recipe))
    before = scored.stat()
    os.utime(scored, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    with pytest.raises(UsageError, match=f"is finished, but {scored} has changed since"):
        run(load_recipe(recipe))
    os.utime(scored, ns=(before.st_atime_ns, before.st_mtime_ns))
    run(load_recipe(recipe))
    texts = load_recipe(recipe).data.corpus
    texts = Path(texts).rename(Path(texts).with_suffix(".moved"))
    with pytest.raises(UsageError, match="is finished, but .*corpus.jsonl .* is gone"):
        run(load_recipe(recipe))
    texts.rename(texts.with_suffix(".jsonl"))
    (output / "tokenizer.json").unlink()
    with pytest.raises(UsageError, match="tokenizer.json is missing"):
        run(load_recipe(recipe))


def test_a_run_does_not_go_on_with_other_data(recipe_file, output, scored):
    recipe = recipe_file(saving={"every": 1})
    run(load_recipe(recipe))
    (output / "spent.json").unlink()  # as a kill before the end leaves it
    before = scored.stat()
    lines = scored.read_text().splitlines()
    scored.write_text("\n".join(lines[::-1]) + "\n")
    os.utime(scored, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    for _ in range(2):  # the first refusal must not make the new data the run's own
        with pytest.raises(UsageError, match="training files have changed since the run in"):
            run(load_recipe(recipe))
    scored.write_text("\n".join(lines) + "\n")
    os.utime(scored, ns=(before.st_atime_ns, before.st_mtime_ns))
    run(load_recipe(recipe))
    assert (output / "spent.json").exists()
