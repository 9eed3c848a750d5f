"""Runs from recipe to folder: what is written, resumed, chosen, and refused."""

import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

from llm_encoders import load_encoder
from llm_encoders.distill_query.command import main
from tests.llm_encoders.conftest import TOPICS, write_lines
from tests.llm_encoders.distill_query.small import write_teacher

QUERIES = ["what do statins do", "cats hunt", "bread of flour"]


@pytest.fixture
def distil(capsys):
    """Run the command in this process; what it printed."""

    def run(*words, code=0):
        found = main([str(word) for word in words])
        printed = capsys.readouterr()
        assert found == code, printed.out + printed.err
        return printed.out if code == 0 else printed.err

    return run


def lines(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def cosines(one, other):
    one, other = (encoder.encode_queries(QUERIES) for encoder in (one, other))
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return (one * other).sum(1) / norms


def test_a_student_of_a_named_encoder(distil, recipe_of, tmp_path):
    """The thin path: llm-dense-tiny, two layers, MSE and cosine."""
    output = tmp_path / "run"
    recipe = recipe_of(
        teacher="llm-dense-tiny",
        student={"kind": "layers", "layers": 2},
        schedule={"steps": 12, "queries": 8, "learning_rate": 1e-3},
        saving={"every": 6},
        trainer={"logging_steps": 3},
    )
    assert f"{output}: 12 steps" in distil(recipe)
    student, teacher = load_encoder(str(output)), load_encoder("llm-dense-tiny")
    assert student.encode_queries(QUERIES).shape == (3, teacher.dimension)
    assert cosines(student, teacher).min() > 0.7
    assert student.files.teacher.name == "llm-dense-tiny"
    assert json.loads((output / "cost.json").read_text())["steps"] == 12
    card = (output / "README.md").read_text()
    for words in ("`llm-dense-tiny`", "the first 2 layers", "1 × MSE + 1 × cosine", "ScalingNote"):
        assert words in card
    assert "20 queries of `queries.jsonl`, without labels" in card
    assert str(tmp_path) not in card + (output / "recipe.yaml").read_text()
    chosen = {line["step"]: line["eval_objective"] for line in lines(output) if "eval_mse" in line}
    assert set(chosen) == {6, 12}
    steps = [line for line in lines(output) if "loss" in line]
    assert [line["step"] for line in steps] == [3, 6, 9, 12]
    for line in steps:  # means over the steps since the last line
        assert line["mse"] + line["cosine"] == pytest.approx(line["loss"], rel=1e-3)
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    assert "is finished already" in distil(recipe)
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before


@pytest.mark.parametrize("paradigm", ["dense", "sparse"])
def test_a_step_is_the_formula(distil, recipe_of, teachers, queries, tmp_path, paradigm):
    """One step of plain gradient descent on a lookup table, by NumPy in float64."""
    rate, strength = 0.05, 0.7
    sparse = paradigm == "sparse"
    recipe = recipe_of(
        paradigm,
        student={"kind": "lookup"},
        losses={"log_mse": 2.0} if sparse else {"mse": 2.0},
        regularisation={"queries": strength, "ramp": 1} if sparse else {"queries": 0},
        saving={"every": 1},
        schedule={"steps": 2, "queries": 5, "learning_rate": rate},
        held_out=0,
        trainer={"optim": "sgd", "lr_scheduler_type": "constant", "max_grad_norm": 0},
    )
    distil(recipe)
    teacher = load_encoder(str(teachers[paradigm]))
    tokenizer = AutoTokenizer.from_pretrained(teachers[paradigm])
    tower = load_encoder(str(tmp_path / "run"))
    saved = load_file(tmp_path / "run" / "checkpoint-1" / "student.safetensors")
    after = saved["table"].double().numpy()
    texts = [json.loads(line)["text"] for line in queries.read_text().splitlines()]
    order = np.random.default_rng([42, 0]).permutation(len(texts))[:5]
    chosen = [texts[number] for number in order]
    wanted = teacher.encode_queries(chosen)
    wanted = (wanted.toarray() if sparse else wanted).astype(np.float64)
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in chosen]
    before = np.zeros_like(after)
    for token in {token for row in ids for token in row}:
        (alone,) = _alone(teacher, token)
        before[token] = alone[token] if sparse else alone
    gradient = np.zeros_like(after)
    present = np.zeros((5, len(after)))
    for row, tokens in enumerate(ids):
        present[row, tokens] = 1
    if sparse:
        vectors = present * before
        ramped = strength * (1 / 2) ** 2  # the first step of two
        slope = 2.0 * 2 * (vectors - wanted) / 5 + ramped * 2 * vectors.mean(0) / 5
        gradient = (present * slope).sum(0)
    else:
        for row, tokens in enumerate(ids):
            summed = before[tokens].sum(0)
            norm = np.linalg.norm(summed)
            unit = summed / norm
            slope = 2.0 * 2 * (unit - wanted[row]) / 5
            step = (slope - unit * (unit @ slope)) / norm
            for token in tokens:
                gradient[token] += step
    rows = sorted({token for row in ids for token in row})
    expected = before[rows] - rate * gradient[rows]
    assert after[rows] == pytest.approx(expected, abs=1e-5)
    assert np.abs(rate * gradient[rows]).max() > 1e-3
    assert tower.config.query_encoder == "lookup"
    if sparse:
        ramps = [line["ramp"] for line in lines(tmp_path / "run") if "ramp" in line]
        assert ramps == [1 / 4, 1]


def _alone(teacher, token):
    """The teacher's vector of a query of one token."""
    template = teacher.query_token_ids(["a"])[0]
    found = teacher.encode_query_tokens([[*template[:-1], token]])
    return found if isinstance(found, np.ndarray) else found.toarray()


def test_a_table_that_is_not_trained(distil, recipe_of, tmp_path):
    recipe = recipe_of("sparse", student={"kind": "lookup", "initial": "counts"}, losses={})
    distil(recipe, "schedule.steps=0", "queries.source=null")
    student = load_encoder(str(tmp_path / "run"))
    (weights,) = student.encode_queries(["bread bread rain"]).toarray()
    assert sorted(weights[weights > 0].tolist())[-1] >= 2
    assert json.loads((tmp_path / "run" / "cost.json").read_text())["steps"] == 0
    assert "not trained" in (tmp_path / "run" / "README.md").read_text()
    assert "is finished already" in distil(recipe, "schedule.steps=0", "queries.source=null")


def test_margins_of_mined_candidates(distil, recipe_of, scored, beir, tmp_path):
    recipe = recipe_of(
        "sparse",
        student={"kind": "lookup"},
        queries={},
        candidates={"source": str(scored), "corpus": str(beir / "corpus.jsonl")},
        losses={"margin_mse": 1},
        schedule={"steps": 5, "queries": 9, "learning_rate": 0.05},
        held_out=0,
    )
    distil(recipe)  # all nine queries with all their passages in every step
    found = [line["margin_mse"] for line in lines(tmp_path / "run") if "margin_mse" in line]
    assert len(found) == 5 and found == sorted(found, reverse=True)
    vectors = tmp_path / "run" / ".prepared" / "passage-vectors"
    assert json.loads((vectors / "done.json").read_text())["done"] == len(TOPICS)
    card = (tmp_path / "run" / "README.md").read_text()
    assert f"| Candidates | scores of `{scored.name}`, at most 16 negatives a query |" in card
    assert "without labels" not in card


ADAPTED = {"kind": "layers", "layers": 2, "adapter": {"rank": 2, "dropout": 0.3}}


def test_resumed_at_any_checkpoint_ends_with_the_same_bits(distil, recipe_of, tmp_path):
    """Dropout included; what the teacher had computed is not computed again."""
    recipe = recipe_of(student=ADAPTED, schedule={"steps": 6}, saving={"every": 2, "keep": 9})
    distil(recipe, f"output={tmp_path / 'whole'}")
    whole = load_file(tmp_path / "whole" / "model.safetensors")
    for step in (2, 4):
        part = tmp_path / f"from-{step}"
        shutil.copytree(tmp_path / "whole", part)
        for name in (part / ".files").read_text().splitlines():
            (part / name).unlink()
        for later in range(step + 2, 7, 2):
            shutil.rmtree(part / f"checkpoint-{later}")
        run = part / "run.yaml"
        run.write_text(run.read_text().replace(str(tmp_path / "whole"), str(part)))
        vectors = part / ".prepared" / "query-vectors" / "values.f32"
        vectors.chmod(0o644)
        assert f"checkpoint-{step}" in distil(recipe, f"output={part}")
        found = load_file(part / "model.safetensors")
        assert all(torch.equal(found[name], one) for name, one in whole.items())
        assert (part / "teacher.json").read_bytes() == (
            tmp_path / "whole" / "teacher.json"
        ).read_bytes()


def test_killed_and_run_again_ends_with_the_same_weights(distil, warm_server, recipe_of, tmp_path):
    recipe = recipe_of(student=ADAPTED, schedule={"steps": 8}, saving={"every": 2, "keep": 3})
    distil(recipe, f"output={tmp_path / 'whole'}")
    killed = tmp_path / "killed"
    words = ("-m", "llm_encoders.distill_query", recipe, f"output={killed}")
    pid, wait = warm_server.start(*words)
    while not (killed / "checkpoint-2").exists():
        os.kill(pid, 0)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    assert wait() == -signal.SIGKILL
    distil(recipe, f"output={killed}")
    one, other = (load_file(p / "model.safetensors") for p in (tmp_path / "whole", killed))
    assert all(torch.equal(other[name], value) for name, value in one.items())


def test_the_best_checkpoint_is_published(distil, recipe_of, tmp_path):
    """The teacher itself, which every step takes further away: the first is the best."""
    recipe = recipe_of(
        student={"kind": "layers", "layers": 4},
        schedule={"steps": 3, "learning_rate": 0.02},
        saving={"every": 1},
        trainer={"lr_scheduler_type": "constant"},
    )
    distil(recipe)
    chosen = {
        line["step"]: line["eval_objective"]
        for line in lines(tmp_path / "run")
        if "eval_mse" in line
    }
    best = min(chosen, key=chosen.get)
    saved = load_file(tmp_path / "run" / f"checkpoint-{best}" / "student.safetensors")
    published = load_file(tmp_path / "run" / "model.safetensors")
    assert best == 1 and len(saved) == len(published)
    assert all(torch.equal(saved[f"language_model.{name}"], one) for name, one in published.items())
    assert f"step {best}" in (tmp_path / "run" / "README.md").read_text()


def test_a_collapse_ends_the_run(distil, recipe_of, tmp_path):
    output = tmp_path / "run"
    recipe = recipe_of(
        "sparse",
        student={"kind": "lookup", "initial": "ones"},
        regularisation={"queries": 1e4, "ramp": 0},
        schedule={"steps": 40, "learning_rate": 2},
    )
    said = distil(recipe, "health.patience=2", code=1)
    assert "for 2 steps no query has a term with a weight" in said
    assert not (output / "cost.json").exists()
    distil(recipe, "schedule.steps=2", "--overwrite", "health.collapse=off")


def test_a_run_of_another_recipe_or_other_queries_is_refused(distil, recipe_of, queries, tmp_path):
    recipe = recipe_of(student={"kind": "lookup"})
    distil(recipe)
    said = distil(recipe, "losses.mse=2", code=2)
    assert "holds a run of another recipe: losses.mse was 1.0, now 2.0" in said
    write_lines(queries, [{"text": "cats"}, {"text": "rain"}])
    assert "queries.jsonl has changed" in distil(recipe, code=2)
    distil(recipe, "--overwrite", "held_out=0")


def test_input_that_does_not_fit_is_said_with_file_and_line(
    distil, recipe_of, queries, teachers, tmp_path
):
    output = tmp_path / "run"
    recipe = recipe_of()
    write_lines(tmp_path / "labelled.jsonl", [{"query": "cats", "pos_pid": "1", "neg_pids": []}])
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    write_lines(tmp_path / "one.jsonl", [{"text": "cats"}])
    for words, code, said in (
        (["queries.source=" + str(tmp_path / "labelled.jsonl")], 1, "labelled.jsonl, line 1: the"),
        (["queries.source=" + str(tmp_path / "empty.jsonl")], 2, "holds no queries"),
        (["queries.source=" + str(tmp_path / "one.jsonl")], 2, "there is 1 query"),
        (["losses={log_mse: 1}"], 2, "is for sparse encoders, and the teacher is dense"),
        (["regularisation.queries=1"], 2, "the teacher is dense"),
        (["student.layers=9"], 2, "student.layers is 9, but"),
        (["held_out=0.99"], 2, "none of the 20 queries is left"),
        (["teacher=llm-dense-tini"], 2, "Did you mean 'llm-dense-tiny'?"),
        ([f"output={queries.parent}"], 2, "Name another output"),
    ):
        assert said in distil(recipe, *words, code=code), words
    assert not output.exists() or not (output / "run.yaml").exists()
    line = recipe.read_text().splitlines().index("losses:") + 1
    recipe.write_text(recipe.read_text().replace("cosine", "log_mse"), encoding="utf-8")
    assert f"{recipe.name}, line {line + 2}: losses.log_mse is for" in distil(recipe, code=2)


def test_a_resumed_run_wants_the_same_teacher(distil, recipe_of, tmp_path):
    teacher = write_teacher(tmp_path / "teacher", "dense")
    recipe = recipe_of(teacher=str(teacher), student={"kind": "lookup"}, saving={"every": 2})
    output = tmp_path / "run"
    distil(recipe)
    (output / "cost.json").unlink()
    write_teacher(teacher, "dense", seed=1)
    assert "Restore them" in distil(recipe, code=2)
    write_teacher(teacher, "dense")
    distil(recipe)
    write_teacher(teacher, "dense", seed=1)
    assert f"the teacher {teacher} has changed" in distil(recipe, code=2)


def test_students_of_a_student_search_the_first_teachers_index(
    distil, recipe_of, teachers, scored, beir, tmp_path
):
    first, second = tmp_path / "first", tmp_path / "second"
    distil(recipe_of(), f"output={first}")
    recipe = recipe_of(teacher=str(first), student={"kind": "layers", "layers": 1})
    distil(recipe, f"output={second}")
    assert load_encoder(str(second)).files.teacher.name == str(teachers["dense"])
    assert f"index of `{teachers['dense'].name}`" in (second / "README.md").read_text()
    words = [f"candidates.source={scored}", f"candidates.corpus={beir / 'corpus.jsonl'}"]
    words += ["queries.source=null", "losses={margin_mse: 1}", "--overwrite"]
    said = distil(recipe, f"output={second}", *words, code=2)
    assert "encodes queries only, and candidates are passages; name its teacher" in said


def test_margins_without_candidates_are_refused(distil, recipe_of, scored, beir, queries):
    recipe = recipe_of(
        losses={"margin_mse": 1},
        candidates={"source": str(scored), "corpus": str(beir / "corpus.jsonl")},
    )
    write_lines(queries, [{"text": f"question {number}"} for number in range(6)])
    assert "has no record of any of the queries" in distil(recipe, code=2)
    write_lines(
        queries, [{"text": f"question {number}"} for number in range(40)] + [{"text": "rails"}]
    )
    said = distil(recipe, "held_out=0.1", code=2)
    assert "queries that are held out has candidates" in said


def test_a_teacher_without_queries(distil, recipe_of, tmp_path):
    """A folder whose contract names a query tower that is not there, and a bare model."""
    teacher = write_teacher(tmp_path / "teacher", "dense")
    contract = teacher / "encoder_config.json"
    text = contract.read_text()
    contract.write_text(text.replace('"query_encoder": "model"', '"query_encoder": "query"'))
    said = distil(recipe_of(teacher=str(teacher)), code=1)
    assert f"{contract}: query_encoder is 'query', but there is no" in said
    contract.unlink()
    said = distil(recipe_of(teacher=str(teacher)), code=2)
    assert "encoder_config.json" in said


def test_two_processes_take_the_steps_of_one(torchrun, distil, recipe_of, tmp_path):
    recipe = recipe_of(
        "sparse",
        student={"kind": "layers", "layers": 2},
        losses={"log_mse": 1, "cosine": 1},
        regularisation={"queries": 0.01},
        schedule={"steps": 3, "queries": 5, "chunk_tokens": 30},
        trainer={"optim": "sgd"},
    )
    distil(recipe, f"output={tmp_path / 'one'}")
    torchrun("-m", "llm_encoders.distill_query", recipe, f"output={tmp_path / 'two'}")
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, value in one.items():
        assert (two[name] - value).norm() <= 1e-5 * value.norm(), name
    first, other = (lines(tmp_path / name) for name in ("one", "two"))
    assert other[0]["loss"] == pytest.approx(first[0]["loss"], rel=1e-5)
    assert other[0]["tokens"] == first[0]["tokens"]
