"""What a run leaves behind: the best weights, merged ones, and steps made of several parts."""

import numpy as np
import pytest
from safetensors.torch import load_file

from llm_encoders import load_encoder
from llm_encoders.train import retrieval_trainer
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run

WEIGHTS = "adapter_model.safetensors"


def test_the_best_checkpoint_is_what_is_published(recipe_file, tmp_path, beir, monkeypatch):
    scores = iter([0.1, 0.9, 0.2])
    monkeypatch.setattr(
        retrieval_trainer, "evaluate", lambda encoder, collection: {"ndcg@10": next(scores)}
    )
    run(
        load_recipe(
            recipe_file(
                evaluation={"collections": [str(beir)], "every": 1}, saving={"every": 1, "keep": 1}
            )
        )
    )
    output = tmp_path / "run"
    kept = sorted(path.name for path in output.glob("checkpoint-*"))
    assert kept == ["checkpoint-2", "checkpoint-3"]  # the best, and the last to go on from
    published, best, last = (
        load_file(folder / WEIGHTS) for folder in (output, *(output / name for name in kept))
    )
    assert all(published[key].equal(best[key]) for key in best)
    assert not all(published[key].equal(last[key]) for key in last)
    assert "0.9000" in (output / "README.md").read_text()


def test_merged_weights_encode_as_the_adapter_does(recipe_file, tmp_path):
    recipe = recipe_file(
        encoder={"paradigm": "dense"}, regularisation={"queries": 0.0, "passages": 0.0}
    )
    run(load_recipe(recipe))
    run(load_recipe(recipe, [f"output={tmp_path / 'merged'}", "saving.merged=true"]))
    assert not (tmp_path / "merged" / "adapter_config.json").exists()
    texts = ["Cats sleep most of the day.", "rails"]
    found, wanted = (
        load_encoder(str(tmp_path / name), device="cpu").encode_documents(texts)
        for name in ("merged", "run")
    )
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def test_a_step_of_two_parts_has_the_mean_of_their_gradients(recipe_file, tmp_path):
    """SGD from zero: lora_B is the gradient times the rate. The rate of a first warm-up step is 0,
    so that a run of two steps has the gradient of the second part alone, at half the rate."""
    recipe = recipe_file(
        adapter={"dropout": 0.0},
        schedule={"steps": 1, "queries": 2, "warmup": 0, "learning_rate": 1.0},
        regularisation={"queries": 0.0, "passages": 0.0},
        trainer={"optim": "sgd", "max_grad_norm": 0.0},
    )
    weights = {}
    for name, *overrides in (
        ("first",),
        ("second", "schedule.steps=2", "schedule.warmup=1"),
        ("both", "schedule.queries=4", "schedule.accumulation=2"),
    ):
        run(load_recipe(recipe, [f"output={tmp_path / name}", *overrides]))
        weights[name] = load_file(tmp_path / name / WEIGHTS)
    for key, value in weights["both"].items():
        if "lora_B" in key:
            wanted = (weights["first"][key] + 2 * weights["second"][key]) / 2
            assert value.norm() > 0
            assert (value - wanted).norm() <= 1e-5 * value.norm(), key


@pytest.mark.parametrize(
    "kind",
    [*(pytest.param(kind, marks=pytest.mark.whole) for kind in ("flops", "l1")), "idf-flops"],
)
def test_every_regulariser_in_a_run(recipe_file, tmp_path, kind):
    """Pressing hard on passages leaves them less weight than pressing not at all."""
    weight = {}
    for strength in (0.0, 1.0):
        output = tmp_path / f"{kind}-{strength}"
        recipe = recipe_file(
            regularisation={"kind": kind, "queries": strength, "passages": strength, "ramp": 0.0},
            schedule={"steps": 8},
        )
        run(load_recipe(recipe, [f"output={output}"]))
        documents = load_encoder(str(output), device="cpu").encode_documents(
            ["Trains run on rails, which guide their wheels.", "Rain falls when clouds grow heavy."]
        )
        weight[strength] = documents.sum()
    assert weight[1.0] < 0.9 * weight[0.0]
