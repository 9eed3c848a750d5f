"""What a run may do to its output folder: nothing to anybody else's files, no other run's data."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from llm_encoders import EncoderError, UsageError
from llm_encoders.train import retrieval_trainer, training_state
from llm_encoders.train.base_trainer import BaseTrainer
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import memory_cure, run
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
    message = "holds other files, '(data|notes.txt)' among|not known whose files"
    with pytest.raises(UsageError, match=message):
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
    assert (output / "run.yaml").exists() and not (output / "cost.json").exists()
    run(load_recipe(recipe))
    assert load_recipe(output / "run.yaml").trainer.get("lr_scheduler_type") is None
    with pytest.raises(UsageError, match="another recipe: schedule.steps was 3, now 4"):
        run(load_recipe(recipe, ["schedule.steps=4"]))


def test_a_run_that_was_stopped_while_it_noted_its_recipe(recipe_file, output):
    recipe = load_recipe(recipe_file(saving={"every": 1}))
    run(recipe)
    (output / "cost.json").unlink()
    (output / ".run.yaml.77.partial").write_text("backb")
    run(recipe)
    assert (output / "cost.json").exists()


def test_another_recipe_does_not_go_on_from_a_checkpoint(recipe_file, output):
    recipe = recipe_file(saving={"every": 1})
    run(load_recipe(recipe))
    for name in [*(output / ".files").read_text().splitlines(), ".files"]:
        (output / name).unlink()  # as a kill in the middle leaves it
    with pytest.raises(UsageError, match="another recipe: schedule.steps was 3, now 4"):
        run(load_recipe(recipe, ["schedule.steps=4"]))
    run(load_recipe(recipe))


def test_what_came_since_the_first_look_is_seen_under_the_lock(recipe_file, output):
    folder = RunFolder(load_recipe(recipe_file(), ["schedule.steps=4"]))
    run(load_recipe(recipe_file()))
    with pytest.raises(UsageError, match="another recipe: schedule.steps was 3, now 4"):
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
    (output / "cost.json").unlink()  # as a kill before the end leaves it
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
    assert (output / "cost.json").exists()


def unfinish(output):
    """As a kill before the end leaves it."""
    (output / "cost.json").unlink()


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b"steps: \xe9", b"a: {"])
def test_a_record_that_was_emptied_or_damaged(recipe_file, output, content):
    """It says so, instead of calling the run's own files those of somebody else."""
    output.mkdir()
    (output / "checkpoint-1").mkdir()
    (output / "run.yaml").write_bytes(content)
    with pytest.raises(EncoderError, match=r"run\.yaml"):
        RunFolder(load_recipe(recipe_file()))


def test_an_output_that_is_a_file_or_a_loop(recipe_file, output, tmp_path):
    output.write_text("mine")
    with pytest.raises(UsageError, match="The output .*run is a file; name a folder"):
        RunFolder(load_recipe(recipe_file()))
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(UsageError, match="output: .*loop"):
        load_recipe(recipe_file(output=str(loop)))


@pytest.mark.parametrize("key", ["data.train", "data.corpus", "backbone", "evaluation"])
@pytest.mark.parametrize("place", [".", "inside", "around"])
def test_an_output_that_touches_an_input(recipe_file, tmp_path, beir, key, place):
    folder = {".": beir, "inside": beir / "run", "around": tmp_path}[place]
    words = {
        "data.train": f"data={{train: {beir}, negatives: 0}}",
        "evaluation": f"evaluation={{collections: [{beir}]}}",
    }.get(key, f"{key}={beir}")
    before = sorted(beir.rglob("*"))
    recipe = load_recipe(recipe_file(), [words, f"output={folder}"])
    with pytest.raises(
        UsageError, match="is an input|lies inside the input|has the input .* inside"
    ):
        RunFolder(recipe, overwrite=True)
    assert sorted(beir.rglob("*")) == before


def test_a_record_that_leads_out_of_the_folder(recipe_file, output, tmp_path):
    run(load_recipe(recipe_file(saving={"every": 1})))
    (tmp_path / "precious").write_text("mine")
    listing = (output / ".files").read_text()
    (output / ".files").write_text(listing + "../precious\n")
    with pytest.raises(EncoderError, match=r"lists '\.\./precious'.*nothing was removed"):
        run(load_recipe(recipe_file()), overwrite=True)
    assert (output / "cost.json").exists() and (tmp_path / "precious").read_text() == "mine"


def test_a_damaged_checkpoint_is_passed_over(recipe_file, output, capsys):
    recipe = load_recipe(recipe_file(saving={"every": 1}))
    run(recipe)
    weights = (output / "adapter_model.safetensors").read_bytes()
    unfinish(output)
    path = output / "checkpoint-3" / "optimizer.safetensors"
    path.write_bytes(path.read_bytes()[:-9] + b"\xff")
    run(recipe)
    said = capsys.readouterr().out
    assert "checkpoint-3 was interrupted or damaged; resuming from the one before" in said
    assert "Resuming from" in said and "checkpoint-2" in said
    assert (output / "adapter_model.safetensors").read_bytes() == weights


def test_a_damaged_best_checkpoint_is_not_published(recipe_file, output, beir, monkeypatch):
    scores = iter([0.9, 0.2, 0.1])
    monkeypatch.setattr(
        retrieval_trainer, "evaluate", lambda encoder, collection: {"ndcg@10": next(scores)}
    )
    evaluation = {"collections": [str(beir)], "every": 1}
    recipe = load_recipe(recipe_file(evaluation=evaluation, saving={"every": 1, "keep": 3}))
    run(recipe)
    unfinish(output)
    path = output / "checkpoint-1" / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"abcd")
    with pytest.raises(EncoderError, match="The checkpoint .*checkpoint-1 is damaged"):
        run(recipe)
    assert not (output / "cost.json").exists()


def test_a_folder_that_is_removed_meanwhile(recipe_file, output, monkeypatch):
    """Nothing is written into a folder that is not the run's any more."""
    recipe = load_recipe(recipe_file())

    def removed(self):
        shutil.rmtree(output)

    monkeypatch.setattr(BaseTrainer, "best_checkpoint", removed)
    with pytest.raises(EncoderError, match=r"run\.yaml was removed while the run was going"):
        run(recipe)


def test_a_full_disk(recipe_file, output, monkeypatch):
    def full(*arguments, **options):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    recipe = load_recipe(recipe_file(saving={"every": 2}))
    monkeypatch.setattr(training_state, "save_file", full)
    with pytest.raises(EncoderError, match=r"Cannot write .*checkpoint-2: .*No space.* to resume"):
        run(recipe)
    monkeypatch.undo()
    run(recipe)
    assert (output / "cost.json").exists()


def test_prepared_data_that_is_cut_is_made_anew(recipe_file, output, capsys):
    recipe = load_recipe(recipe_file(saving={"every": 1}))
    run(recipe)
    weights = (output / "adapter_model.safetensors").read_bytes()
    unfinish(output)
    for path in (output / ".prepared").glob("*.arrow"):
        path.write_bytes(path.read_bytes()[:-100])
    run(recipe)
    assert (output / "adapter_model.safetensors").read_bytes() == weights
    unfinish(output)
    (output / ".data.json").write_bytes(b"\xe9")
    with pytest.raises(EncoderError, match=r"\.data\.json, line 1: byte 1 .* not UTF-8"):
        run(recipe)


def test_memory_that_runs_out_has_a_cure():
    said = pytest.raises(EncoderError, match=r"^Out of memory: CUDA .* \(4096\)")
    with said, memory_cure(4096):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")
