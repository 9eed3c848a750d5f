"""What is drawn anew in every pass over the data: negatives, masks, dropped units.

The weights stand still, for the learning rate is next to nothing, and every step is a whole pass.
Whatever differs between two steps has then been drawn anew.
"""

import json
import math
from itertools import product

import pytest
import torch

from llm_encoders.train.language_modelling import LanguageModellingTrainer
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
from tests.llm_encoders.conftest import BACKBONE, write_lines
from tests.llm_encoders.train import formula
from tests.llm_encoders.train.interruption import interrupted
from tests.llm_encoders.train.small_run import PASSAGES, RECORDS, batch, objective, values

STILL = {"steps": 6, "learning_rate": 1e-30, "warmup": 0}
DENSE = {
    "encoder": {"paradigm": "dense", "temperature": 0.05},
    "regularisation": {"queries": 0.0, "passages": 0.0},
    "schedule": STILL,
}


def lines_of(tmp_path, recipe):
    run(load_recipe(formula.write_recipe(tmp_path / "recipe.yaml", recipe)))
    return formula.logged(tmp_path / "run")


def test_negatives_come_with_their_own_scores(files, tmp_path):
    recipe = values(files, tmp_path / "run", **DENSE, data={"negatives": 1})
    found = [line["loss"] for line in lines_of(tmp_path, recipe)]
    wanted, llama, queries = objective(recipe), formula.Llama(files / "adapter"), batch()
    encode = formula.cache(llama.dense)
    losses = {}
    for chosen in product(*(range(1, len(one.names)) for one in queries)):
        drawn = [
            formula.Query(
                one.ids, *([part[0], part[n]] for part in (one.names, one.passages, one.teacher))
            )
            for one, n in zip(queries, chosen, strict=True)
        ]
        losses[chosen] = float(wanted.total(wanted.parts(encode, drawn), 1.0).detach())
    drawn = [
        [c for c, loss in losses.items() if loss == pytest.approx(one, rel=1e-5)] for one in found
    ]
    assert all(len(matching) == 1 for matching in drawn)
    for number, one in enumerate(RECORDS):
        assert {matching[0][number] for matching in drawn} == set(range(1, len(one[2]) + 1))


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_adapter_dropout(files, tmp_path, dropout):
    """Of a new adapter: its second factor is zero, so that dropout shows in gradients alone."""
    adapter = {"rank": 4, "alpha": 8, "dropout": dropout, "targets": ["v_proj"]}
    recipe = {**values(files, tmp_path / "run", **DENSE), "adapter": adapter}
    del recipe["start_from"]
    norms = {round(line["grad_norm"], 4) for line in lines_of(tmp_path, recipe)}
    assert len(norms) == (1 if dropout == 0 else STILL["steps"])
    written = json.loads((tmp_path / "run" / "adapter_config.json").read_text(encoding="utf-8"))
    assert written["lora_dropout"] == dropout


def test_dropout_of_the_adapter_that_training_starts_from(files, tmp_path):
    start = formula.write_adapter(tmp_path / "adapter", dropout=0.5)
    recipe = {**values(files, tmp_path / "run", **DENSE), "start_from": str(start)}
    losses = {line["loss"] for line in lines_of(tmp_path, recipe)}
    assert len(losses) == STILL["steps"]


def mntp(files, tmp_path, section, schedule):
    return {
        "stage": "mntp",
        "backbone": str(BACKBONE),
        "start_from": str(files / "adapter"),
        "output": str(tmp_path / "run"),
        "data": {"train": str(files / "corpus.jsonl")},
        "mntp": section,
        "schedule": schedule,
        "device": "cpu",
        "trainer": {"logging_steps": 1, "disable_tqdm": True, "optim": "sgd"},
    }


@pytest.mark.parametrize(("packing", "rows"), [(True, 4), (False, 5)])
def test_masks(files, tmp_path, packing, rows):
    section = {"packing": packing, "max_length": 16}
    recipe = mntp(files, tmp_path, section, {**STILL, "queries": rows})
    losses = {line["loss"] for line in lines_of(tmp_path, recipe)}
    assert len(losses) == STILL["steps"]


def test_a_budget_counts_packed_rows(files, tmp_path):
    length, rows, budget = 12, 3, 5e9
    schedule = {"learning_rate": 1e-30, "warmup": 0, "queries": rows}
    recipe = mntp(files, tmp_path, {"max_length": length}, schedule)
    lines = lines_of(tmp_path, {**recipe, "budget": {"training_flops": budget}})
    cost = json.loads((tmp_path / "run" / "cost.json").read_text(encoding="utf-8"))
    assert cost["tokens"] == len(lines) * rows * length
    assert cost["flops"] == pytest.approx(budget, abs=0.75 * budget / len(lines))


def test_mntp_resumed_ends_with_the_same_weights(files, tmp_path, monkeypatch):
    """Dropout, packed rows, parts of a step and the falling rate included."""
    schedule = {"steps": 4, "queries": 4, "accumulation": 2, "warmup": 0, "learning_rate": 1e-2}
    recipe = mntp(files, tmp_path, {"max_length": 12, "decay_epochs": 9}, schedule)
    recipe |= {
        "start_from": str(formula.write_adapter(tmp_path / "adapter", dropout=0.3)),
        "saving": {"every": 2},
        "trainer": {"disable_tqdm": True},
    }
    path = formula.write_recipe(tmp_path / "recipe.yaml", recipe)
    run(load_recipe(path, [f"output={tmp_path / 'whole'}"]))
    with interrupted(LanguageModellingTrainer, monkeypatch):
        run(load_recipe(path))
    assert (tmp_path / "run" / "checkpoint-2").is_dir()
    run(load_recipe(path))
    whole, resumed = (formula.read_adapter(tmp_path / name) for name in ("whole", "run"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.parametrize(("excluded", "loss"), [(True, 0.0), (False, math.log(2))])
def test_a_negative_with_the_text_of_the_positive(files, tmp_path, excluded, loss):
    text = PASSAGES["rain"]
    corpus = [{"_id": name, "title": "", "text": text} for name in ("one", "other")]
    record = {"question": "why does rain fall", "pos_pid": "one", "neg_pids": ["other"]}
    data = {
        "train": str(write_lines(tmp_path / "train.jsonl", [record])),
        "corpus": str(write_lines(tmp_path / "corpus.jsonl", corpus)),
        "exclude_known_positives": excluded,
    }
    recipe = values(files, tmp_path / "run", **DENSE, data=data)
    recipe["objective"] = {"contrastive": 1.0}
    recipe["schedule"] |= {"queries": 1, "steps": 1}
    (line,) = lines_of(tmp_path, recipe)
    assert line["loss"] == pytest.approx(loss, abs=1e-6)
