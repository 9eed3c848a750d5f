"""Whole runs of the command: its output loads, two processes are one, a killed run resumes."""

import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
from safetensors.torch import load_file

from llm_encoders import EncoderError, UsageError, load_encoder
from llm_encoders.jobs.lock import locked
from llm_encoders.train import checkpoints
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
from tests.llm_encoders.conftest import BACKBONE

WEIGHTS = "adapter_model.safetensors"


@pytest.fixture
def train(warm_python):
    def run(recipe, *words, code=0):
        return warm_python("-m", "llm_encoders.train", recipe, *words, code=code)

    return run


def file_times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_the_output_is_an_encoder(train, recipe_file, tmp_path, beir):
    evaluation = {"collections": [str(beir)], "every": 2, "at_start": True}
    recipe = recipe_file(evaluation=evaluation, saving={"every": 2})
    result = train(recipe)
    output = tmp_path / "run"
    assert "3 steps" in result.stdout
    encoder = load_encoder(str(output))
    vectors = encoder.encode_documents(["Cats sleep."])
    assert vectors.nnz > 0
    config = json.loads((output / "adapter_config.json").read_text())
    assert not config["base_model_name_or_path"].startswith("/")
    assert json.loads((output / "environment.json").read_text())["packages"]["torch"]
    cost = json.loads((output / "cost.json").read_text())
    assert cost["steps"] == 3 and cost["tokens"] > 0 and cost["flops"] > 1e9
    card = (output / "README.md").read_text()
    assert "| dev (chose the checkpoint) | collection_ndcg@10 |" in card
    folders = (str(tmp_path), str(BACKBONE))
    assert not any(name in card for name in folders)
    log = [json.loads(line) for line in (output / "log.jsonl").open()]
    assert log[0]["step"] == 0 and "eval_collection_ndcg@10" in log[0]
    steps = [line for line in log if "loss" in line]
    assert len(steps) == 3
    for key in ("contrastive", "query_terms", "passage_terms", "passage_flops", "dead_terms",
                "always_on_terms", "grad_norm", "tokens", "flops", "ramp"):  # fmt: skip
        assert key in steps[0]
    assert not list(output.rglob("*.bin")) + list(output.rglob("*.pt*"))
    before = file_times(output)
    result = train(recipe)
    assert "is finished already; add --overwrite" in result.stdout
    assert file_times(output) == before
    with pytest.raises(UsageError, match="schedule.steps was 3, now 4"):
        run(load_recipe(recipe, ["schedule.steps=4"]))
    assert not any(name in (output / "recipe.yaml").read_text() for name in folders)


def test_a_second_run_in_the_same_folder_is_refused(recipe_file, tmp_path):
    with (
        locked(tmp_path / "run" / ".lock", "not seen"),
        pytest.raises(EncoderError, match="Another run is at work in .*run; wait, or stop it"),
    ):
        run(load_recipe(recipe_file()))
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("paradigm", ["sparse", "dense"])
def test_two_processes_are_one(torchrun, recipe_file, tmp_path, paradigm):
    """One SGD step from zero: lora_B is then the gradient times the rate, bit by bit."""
    recipe = recipe_file(
        encoder={"paradigm": paradigm},
        objective={"contrastive": 0.5, "kl": 0.5, "margin_mse": 0.1},
        regularisation={"queries": 0.01, "passages": 0.02} if paradigm == "sparse" else None,
        adapter={"dropout": 0.0},
        schedule={"steps": 1, "queries": 5, "warmup": 0, "learning_rate": 1.0},
        trainer={"optim": "sgd", "max_grad_norm": 0.0},
    )
    text = recipe.read_text()
    if paradigm == "dense":
        recipe.write_text(text.replace("regularisation: null\n", ""), encoding="utf-8")
    for name, *override in (
        ("one",),
        ("unchunked", "schedule.chunk_tokens=null"),
        ("recomputed", "trainer.activation_checkpointing=true"),
    ):
        run(load_recipe(recipe, [f"output={tmp_path / name}", *override]))
    torchrun("-m", "llm_encoders.train", recipe, f"output={tmp_path / 'two'}")
    one = load_file(tmp_path / "one" / WEIGHTS)
    logs = {}
    for name in ("one", "unchunked", "recomputed", "two"):
        first = json.loads((tmp_path / name / "log.jsonl").read_text().splitlines()[0])
        logs[name] = first["loss"]
    for name in ("unchunked", "recomputed", "two"):
        assert logs[name] == pytest.approx(logs["one"], rel=1e-5)
        other = load_file(tmp_path / name / WEIGHTS)
        for key, value in one.items():
            if "lora_B" in key:
                assert value.norm() > 0
                assert (other[key] - value).norm() <= 1e-5 * value.norm(), (name, key)


@pytest.mark.slow
def test_killed_and_resumed_ends_with_the_same_weights(train, warm_server, recipe_file, tmp_path):
    recipe = recipe_file(
        adapter={"dropout": 0.2}, schedule={"steps": 12}, saving={"every": 2, "keep": 3}
    )
    train(recipe, f"output={tmp_path / 'whole'}")
    killed = tmp_path / "killed"
    for kills, wanted in enumerate((2, 6)):
        pid, wait = warm_server.start("-m", "llm_encoders.train", recipe, f"output={killed}")
        while not any(int(p.name.split("-")[1]) >= wanted for p in killed.glob("checkpoint-*")):
            os.kill(pid, 0)
            time.sleep(0.01)
        time.sleep(0.05 * kills)
        os.kill(pid, signal.SIGKILL)
        assert wait() == -signal.SIGKILL
    last = checkpoints.last_whole(killed)
    (last / "seconds.json").write_text("1000.0", encoding="utf-8")
    checkpoints.seal(last)
    result = train(recipe, f"output={killed}")
    assert "Resuming from" in result.stdout
    assert json.loads((killed / "cost.json").read_text())["seconds"] > 1000
    one, other = load_file(tmp_path / "whole" / WEIGHTS), load_file(killed / WEIGHTS)
    for key in one:
        assert np.array_equal(one[key].numpy(), other[key].numpy()), key


@pytest.mark.slow
def test_two_processes_resume_as_they_would_have_gone_on(torchrun, recipe_file, tmp_path):
    """Dropout, evaluation and steps of two parts included; every process has its own dropout."""
    evaluation = {"collections": [str(tmp_path / "collection")], "every": 2}
    recipe = recipe_file(
        **{
            "adapter": {"dropout": 0.2},
            "evaluation": evaluation,
            "saving": {"every": 2, "keep": 3},
        },
        schedule={"steps": 4, "accumulation": 2, "learning_rate": 1e-2, "warmup": 0},
    )
    output, found = tmp_path / "run", []
    for _ in range(2):
        result = torchrun("-m", "llm_encoders.train", recipe)
        found.append((load_file(output / "checkpoint-4" / WEIGHTS), result.stdout))
        for name in [*(output / ".files").read_text().splitlines(), ".files"]:
            (output / name).unlink()
        shutil.rmtree(output / "checkpoint-4")
    (one, _), (other, said) = found
    assert "Resuming from" in said and "checkpoint-2" in said
    assert all(np.array_equal(one[key].numpy(), other[key].numpy()) for key in one)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.corpus=nowhere.jsonl", "nowhere.jsonl"),
        ("start_from=nowhere", "start_from: 'nowhere' is neither a folder nor a Hub id"),
        (
            "trainer.loging_steps=1",
            "unknown key 'trainer.loging_steps'. Did you mean 'logging_steps'",
        ),
        ("trainer.learning_rate=1", "trainer.learning_rate is set by 'schedule.learning_rate'"),
        ("adapter.targets=[q_proj, lm_head]", "adapts the LM head, which would not be trained"),
        ("trainer.report_to=nowhere", "trainer.report_to is 'nowhere'; choose from"),
        ("trainer.lr_scheduler_type=cosine_with_min_lr", "trainer: .*min_lr"),
    ],
)
def test_bad_input_ends_before_the_first_step(recipe_file, tmp_path, override, message):
    with pytest.raises(EncoderError, match=message):
        run(load_recipe(recipe_file(saving={"every": 1}), [override]))
    assert not list((tmp_path / "run").glob("checkpoint-*"))


def test_a_refused_run_leaves_no_folder(recipe_file, tmp_path):
    words = ["start_from=nowhere", "adapter=null", f"output={tmp_path / 'runs' / 'mine'}"]
    with pytest.raises(EncoderError, match="start_from: 'nowhere'"):
        run(load_recipe(recipe_file(), words))
    assert not (tmp_path / "runs").exists()


def test_the_command_says_it_in_a_sentence(train, recipe_file):
    result = train(recipe_file(), "schedule.step=5", code=2)
    assert "unknown key 'schedule.step'. Did you mean 'steps'?" in result.stderr
    assert "Traceback" not in result.stderr


def test_options_and_keys_come_in_any_order(train, recipe_file, tmp_path):
    recipe = recipe_file()
    train(recipe, "--overwrite", "schedule.steps=1", f"output={tmp_path / 'other'}")
    assert json.loads((tmp_path / "other" / "cost.json").read_text())["steps"] == 1
    assert (tmp_path / "other" / WEIGHTS).stat().st_mode & 0o777 == 0o644
    config = json.loads((tmp_path / "other" / "adapter_config.json").read_text())
    assert config["target_modules"] == sorted(config["target_modules"])
