"""Adaptation stages: where a token is predicted, the losses, and what comes of it."""

import json

import pytest
import torch
import transformers
from torch.nn.functional import cross_entropy

from llm_encoders import load_encoder
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.config import EncoderConfig
from llm_encoders.encoding.batching import pad
from llm_encoders.train.language_modelling import LanguageModel
from llm_encoders.train.model import load_model
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
from llm_encoders.train.stages.clm import clm_loss, every_next_token
from tests.llm_encoders.conftest import BACKBONE


def test_the_state_before_a_token_predicts_it():
    config = EncoderConfig(paradigm="sparse", attention="causal")
    files = Checkpoint("test", config, BACKBONE, None)
    model = load_model(files, None, torch.device("cpu"), torch.float32, kind=LanguageModel).eval()
    plain = transformers.AutoModelForCausalLM.from_pretrained(BACKBONE, dtype=torch.float32).eval()
    ids = torch.randint(5, 16_000, (2, 9))
    batch = pad(ids.tolist(), [0, 1], "right")
    places = [(row, position) for row in range(2) for position in range(8)]
    rows, positions = torch.tensor(places).T
    with torch.no_grad():
        logits = model(batch.token_ids, batch.attention_mask, rows, positions)
        loss = cross_entropy(logits, torch.stack([ids[r, p + 1] for r, p in places]))
        wanted = plain(input_ids=ids, labels=ids).loss
    torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-5)


def test_clm_predicts_every_token_but_the_first():
    assert every_next_token([5, 8, 9]).targets == [(1, 8), (2, 9)]


def test_clm_loss_by_its_formula():
    """Also: a term whose logit is negative gets a gradient, from the usual half of the sum."""
    torch.manual_seed(1)
    logits = torch.randn(4, 50, requires_grad=True)
    targets = torch.tensor([3, 1, 4, 1])
    loss = clm_loss(logits, targets)
    wanted = 0.0
    for row, target in zip(logits.detach().double(), targets.tolist(), strict=True):
        weights = torch.log(1 + row.clamp(min=0))
        wanted += float(torch.log(row.exp().sum()) - row[target])
        wanted += float(torch.log(weights.exp().sum()) - weights[target])
    assert loss.item() == pytest.approx(wanted, rel=1e-5)
    loss.backward()
    assert (logits.grad[logits < 0] != 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["mntp", "clm"])
def test_from_adaptation_to_a_fine_tuned_encoder(recipe_file, tmp_path, beir, stage):
    adapted = tmp_path / "adapted"
    recipe = tmp_path / "stage.yaml"
    recipe.write_text(
        f"stage: {stage}\nbackbone: {BACKBONE}\noutput: {adapted}\ndevice: cpu\n"
        f"data: {{train: {beir / 'corpus.jsonl'}}}\n"
        "schedule: {steps: 20, queries: 6, learning_rate: 3e-3, chunk_tokens: 64}\n"
        "trainer: {logging_steps: 1, disable_tqdm: true}\n"
        f"{stage}: {{max_length: 16}}\n"
    )
    run(load_recipe(recipe))
    log = [json.loads(line) for line in (adapted / "log.jsonl").open()]
    losses = [line["loss"] for line in log if "loss" in line]
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
    assert not (adapted / "encoder_config.json").exists()
    card = (adapted / "README.md").read_text()
    assert f"| Batch size | 6 {'rows' if stage == 'mntp' else 'passages'} |" in card
    assert "| Optimiser steps | 20 |" in card
    assert ("bidirectional attention" in card) == (stage == "mntp")
    assert ("2504.10816" in card) == (stage == "clm")
    attention = "causal" if stage == "clm" else "bidirectional"
    for paradigm in ("sparse", "dense"):
        tuned = recipe_file(
            start_from=str(adapted),
            output=str(tmp_path / paradigm),
            encoder={"paradigm": paradigm, "attention": attention},
            regularisation={"queries": 0.0, "passages": 0.0},
        )
        run(load_recipe(tuned))
        assert load_encoder(str(tmp_path / paradigm)).encode_queries(["rain"]).shape[0] == 1
