"""Collapses are recognised, explained, and not mistaken for the beginning of training."""

import pytest
import torch

from llm_encoders.train.base_trainer import BaseTrainer
from llm_encoders.train.health import Collapse, SparsityMonitor, require_finite
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.recipe.sections import Health
from llm_encoders.train.run import run


def vectors(share, vocabulary=1000, texts=4):
    weights = torch.zeros(texts, vocabulary)
    weights[:, : int(share * vocabulary)] = 0.5
    return weights


def observe(monitor, queries, passages, steps):
    for step in range(1, steps + 1):
        monitor.observe(vectors(queries), vectors(passages), step)


@pytest.mark.parametrize(("queries", "passages", "which"), [(0, 0.1, "queries"), (0.1, 0, "pass")])
def test_empty_vectors(queries, passages, which):
    with pytest.raises(Collapse, match=f"Step 10: .*no term of any of the {which}"):
        observe(SparsityMonitor(1000, 5), queries, passages, 20)


def test_full_vectors_after_the_ramp_only():
    observe(SparsityMonitor(1000, 100), 1.0, 1.0, 100)
    with pytest.raises(Collapse, match="Step 15: .*1,000 of 1,000 terms"):
        observe(SparsityMonitor(1000, 5), 1.0, 1.0, 20)


def test_a_collapse_that_only_warns(capsys):
    monitor = SparsityMonitor(1000, 5, Health(collapse="warn", patience=3))
    observe(monitor, 0, 0.1, 20)
    said = capsys.readouterr().err
    assert said.count("warning: Step 3: for 3 steps no term of any of the queries") == 1


def test_a_check_that_is_off(capsys):
    observe(SparsityMonitor(1000, 5, Health(collapse="off")), 0, 0, 20)
    assert capsys.readouterr().err == ""


def test_a_single_empty_batch_is_no_collapse():
    monitor = SparsityMonitor(1000, 5)
    for step in range(1, 50):
        monitor.observe(vectors(0.1), vectors(0.0 if step % 5 else 0.1), step)


def test_figures():
    monitor = SparsityMonitor(1000, 5)
    passages = vectors(0.1)
    passages[0, 500] = 1.0
    monitor.observe(vectors(0.02), passages, 1)
    found = monitor.figures()
    assert found["query_terms"] == 20
    assert found["passage_terms"] == 100.25
    assert found["dead_terms"] == pytest.approx(0.899)
    assert found["always_on_terms"] == pytest.approx(0.1)
    assert found["query_flops"] == pytest.approx(20 * 0.25)
    assert monitor.figures() == {}


def test_a_loss_that_is_no_number():
    require_finite(torch.tensor(1.0), {"contrastive": 1.0}, 3)
    with pytest.raises(Collapse, match="Step 3: the loss is nan \\(kl\\)"):
        require_finite(torch.tensor(torch.nan), {"contrastive": 1.0, "kl": torch.nan}, 3)


def test_a_run_that_collapses_publishes_nothing(recipe_file, tmp_path):
    recipe = recipe_file(schedule={"learning_rate": 1e30, "warmup": 0}, saving={"every": 1})
    with pytest.raises(Collapse, match="Step [23]: the loss is (nan|inf)"):
        run(load_recipe(recipe))
    assert not (tmp_path / "run" / "cost.json").exists()
    assert not (tmp_path / "run" / "adapter_model.safetensors").exists()


def test_a_gradient_that_is_no_number(recipe_file, tmp_path, monkeypatch):
    """The loss says nothing of it, and with it the clipped weights would all be none."""

    def broken(self, loss):
        backward(self, loss)
        next(one for one in self.trained.parameters() if one.grad is not None).grad.fill_(torch.nan)

    backward = BaseTrainer.backward
    monkeypatch.setattr(BaseTrainer, "backward", broken)
    with pytest.raises(Collapse, match="Step 1: the loss is finite, but the norm of its gradient"):
        run(load_recipe(recipe_file(saving={"every": 1})))
    assert not list((tmp_path / "run").glob("checkpoint-*"))
