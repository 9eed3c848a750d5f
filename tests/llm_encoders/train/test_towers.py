"""Untied towers: the plain formula with a model a side, resumed runs, and what is written."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from llm_encoders import EncoderError, UsageError, load_encoder
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.config import EncoderConfig
from llm_encoders.encoding.batching import pad
from llm_encoders.train import gradient_cache
from llm_encoders.train.model import load_model
from llm_encoders.train.objective import Objective, total
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.recipe.sections import Adapter
from llm_encoders.train.retrieval_trainer import RetrievalTrainer
from llm_encoders.train.run import run
from llm_encoders.train.towers import TwoTowers
from tests.llm_encoders.conftest import BACKBONE, QUESTIONS, TOPICS
from tests.llm_encoders.train import formula
from tests.llm_encoders.train.interruption import interrupted
from tests.llm_encoders.train.small_run import RAMP_STEPS, RATE, STEPS, batch, objective, values
from tests.llm_encoders.train.test_gradient_cache import batch as ragged

CPU = torch.device("cpu")
WEIGHTS = "adapter_model.safetensors"


def load(paradigm="dense", adapter=True, quantization=None):
    """Two towers that differ."""
    torch.manual_seed(0)
    config = EncoderConfig(paradigm=paradigm, logit_scale=1.0, temperature=0.5)
    files = Checkpoint("test", config, BACKBONE, None)
    chosen = Adapter(dropout=0.0) if adapter else None
    towers = TwoTowers(load_model(files, chosen, CPU, torch.float32, quantization))
    with torch.no_grad():
        for name, parameter in towers.named_parameters():
            if parameter.requires_grad and ("lora_B" in name or not adapter):
                parameter.add_(0.02 * torch.randn(parameter.shape))
    return towers.train()


def gradients(model):
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(
    ("paradigm", "adapter", "max_tokens"),
    [("sparse", True, 60), ("dense", True, 1), ("dense", False, 75), ("dense", True, None)],
)
def test_chunks_of_a_side_give_the_plain_loss_and_gradients(paradigm, adapter, max_tokens):
    towers = load(paradigm, adapter)
    queries, passages, candidates = ragged(towers.passage)
    plan = Objective({"contrastive": 0.5, "kl": 0.3, "margin_mse": 0.2}, temperature=0.5)

    def loss_of(vectors):
        return total(plan.parts(vectors[: len(queries)], vectors[len(queries) :], candidates))

    both = []
    for tower, texts in ((towers.query, queries), (towers.passage, passages)):
        whole = pad(texts, list(range(len(texts))), "right")
        both.append(tower(whole.token_ids, whole.attention_mask))
    expected = loss_of(torch.cat(both))
    expected.backward()
    wanted = gradients(towers)
    towers.zero_grad()
    loss = gradient_cache.step(
        towers,
        queries + passages,
        loss_of,
        lambda value: value.backward(),
        max_tokens=max_tokens,
        device=CPU,
        queries=len(queries),
    )
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-5, atol=0)
    assert {name.partition(".")[0] for name in wanted} == {"query", "passage"}
    for name, gradient in gradients(towers).items():
        assert (gradient - wanted[name]).norm() <= 1e-5 * wanted[name].norm(), name


def test_frozen_weights_exist_once():
    towers = load()
    frozen = [[p for p in one.parameters() if not p.requires_grad]
              for one in (towers.query, towers.passage)]  # fmt: skip
    assert all(one is other for one, other in zip(*frozen, strict=True))
    trained = [[p.data_ptr() for p in one.parameters() if p.requires_grad]
               for one in (towers.query, towers.passage)]  # fmt: skip
    assert not {*trained[0]} & {*trained[1]} and trained[0]


def test_towers_on_a_quantised_backbone():
    """The query tower's gradients are those of a model with the same adapter and no twin."""
    towers = load(quantization="4bit")
    alone = load(quantization="4bit").query
    texts = towers.passage.encoder("test").query_token_ids(list(QUESTIONS["cats"]))
    padded = pad(texts, list(range(len(texts))), "right")
    for one in (towers.query, alone):
        one(padded.token_ids, padded.attention_mask).square().sum().backward()
    wanted = gradients(alone)
    for name, gradient in gradients(towers.query).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-4, atol=1e-6)


def test_a_run_is_the_formula(files, tmp_path):
    recipe = values(
        files,
        tmp_path / "run",
        encoder={"paradigm": "dense", "temperature": 0.05},
        regularisation={"queries": 0.0, "passages": 0.0},
    )
    recipe["towers"] = "adapters"
    run(load_recipe(formula.write_recipe(tmp_path / "recipe.yaml", recipe)))
    towers, wanted = formula.Towers(files / "adapter"), objective(recipe)
    for number, line in enumerate(formula.logged(tmp_path / "run")):
        ramp = min(1.0, (number + 1) / RAMP_STEPS) ** 2
        rate = RATE * (STEPS - number) / (STEPS - 1) if number else 0.0
        loss = wanted.total(wanted.parts(towers.dense, formula.marked(batch())), ramp)
        norm = formula.descend(towers.trained, loss, rate)
        assert line["loss"] == pytest.approx(float(loss.detach()), rel=1e-5), number
        assert line["grad_norm"] == pytest.approx(norm, rel=1e-5), number
    before = formula.read_adapter(files / "adapter")
    formula.assert_same_change(before, towers.passage.trained, tmp_path / "run")
    formula.assert_same_change(before, towers.query.trained, tmp_path / "run" / "query")


DENSE = {
    "encoder": {"paradigm": "dense", "temperature": 0.05, "normalize": True},
    "regularisation": {"queries": 0.0, "passages": 0.0},
    "schedule": {"steps": 4, "learning_rate": 1e-2, "warmup": 0},
    "saving": {"every": 2},
}


def vectors_of(query, passage):
    return np.concatenate(
        [query.encode_queries([QUESTIONS["cats"][0]]), passage.encode_documents([TOPICS["rain"]])]
    )


def assert_resumed_alike(recipe, folder, name, monkeypatch):
    """That the run, interrupted and resumed elsewhere, ends with the same bits."""
    other = f"output={folder / 'resumed'}"
    with interrupted(RetrievalTrainer, monkeypatch):
        run(load_recipe(recipe, [other]))
    run(load_recipe(recipe, [other]))
    for side in (".", "query"):
        whole, resumed = (load_file(folder / one / side / name) for one in ("run", "resumed"))
        assert all(torch.equal(whole[key], resumed[key]) for key in whole)


@pytest.mark.parametrize("kind", ["adapters", "backbones", "merged"])
def test_resumed_and_loaded(recipe_file, tmp_path, beir, monkeypatch, kind):
    """A resumed run ends with the same bits; what it wrote gives the vectors of its end."""
    adapted = kind != "backbones"
    recipe = recipe_file(
        **DENSE,
        towers="adapters" if adapted else kind,
        adapter={"dropout": 0.2} if adapted else None,
        evaluation={"collections": [str(beir)], "every": 2},
    )
    merged = f"saving.merged={'true' if kind == 'merged' else 'false'}"
    seen = []
    finish = RetrievalTrainer.scores

    def noted(self):
        self.trained.eval()
        towers = self.trained.towers
        seen.append(vectors_of(towers["query"].encoder("q"), towers[""].encoder("p")))
        return finish(self)

    monkeypatch.setattr(RetrievalTrainer, "scores", noted)
    run(load_recipe(recipe, [merged]))
    name = WEIGHTS if kind == "adapters" else "model.safetensors"
    if kind != "merged":
        assert_resumed_alike(recipe, tmp_path, name, monkeypatch)
    sides = [load_file(tmp_path / "run" / folder / name) for folder in (".", "query")]
    assert any(not torch.equal(sides[0][key], sides[1][key]) for key in sides[0])
    contract = json.loads((tmp_path / "run" / "encoder_config.json").read_text())
    assert contract["query_encoder"] == "query"
    loaded = load_encoder(tmp_path / "run", device="cpu")
    np.testing.assert_allclose(vectors_of(loaded, loaded), seen[0], rtol=0, atol=1e-5)


def test_the_folder_of_the_query_tower_belongs_to_the_run(recipe_file, tmp_path, monkeypatch):
    recipe = recipe_file(**DENSE, towers="adapters")
    run(load_recipe(recipe))
    output = tmp_path / "run"
    listed = (output / ".files").read_text().splitlines()
    assert {f"query/{WEIGHTS}", "query/encoder_config.json", "query/tokenizer.json"} < {*listed}
    config = json.loads((output / "query" / "adapter_config.json").read_text())
    assert (output / "query" / config["base_model_name_or_path"]).resolve() == BACKBONE.resolve()
    assert (output / "query" / WEIGHTS).stat().st_mode & 0o777 == 0o644
    words = [f"start_from={output}", "adapter=null", f"output={tmp_path / 'next'}"]
    with pytest.raises(EncoderError, match=f"holds two towers, .* name {output}/query"):
        run(load_recipe(recipe, words))
    (output / "query" / WEIGHTS).unlink()
    with pytest.raises(UsageError, match=f"query/{WEIGHTS} is missing"):
        run(load_recipe(recipe))
    (output / "query" / "notes.txt").write_text("mine")
    run(load_recipe(recipe, ["towers=tied"]), overwrite=True)
    assert [path.name for path in (output / "query").iterdir()] == ["notes.txt"]


def test_sharded_weights_are_refused(recipe_file, monkeypatch):
    monkeypatch.setattr(RetrievalTrainer, "sharded", True)
    with pytest.raises(UsageError, match="towers: adapters does not work with sharded weights"):
        run(load_recipe(recipe_file(**DENSE, towers="adapters")))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["towers=two"], "choose one of tied, adapters, backbones"),
        (["towers=adapters", "adapter=null"], "towers: adapters needs an adapter"),
        (["towers=backbones"], "write towers: adapters, or adapter: null"),
        (["towers=adapters", "trainer.ddp_find_unused_parameters=false"], "must be true where"),
        (["encoder={paradigm: dense, projections: [x]}"], "encoder.projections names layers"),
    ],
)
def test_refusals(recipe_file, words, message):
    with pytest.raises(UsageError, match=message):
        load_recipe(recipe_file(), words)
