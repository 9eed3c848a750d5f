"""Masked next-token prediction: what is hidden, where it is predicted, and what comes of it."""

import json

import numpy as np
import pytest
import torch
import transformers
from torch.nn.functional import cross_entropy

from llm_encoders import UsageError, load_encoder
from llm_encoders.batching import pad
from llm_encoders.checkpoint import Checkpoint
from llm_encoders.config import EncoderConfig
from llm_encoders.train.mntp import MntpModel, mask_id_of, mask_tokens
from llm_encoders.train.model import load_model
from llm_encoders.train.recipe import load_recipe
from llm_encoders.train.run import run
from tests.llm_encoders.train.conftest import BACKBONE

SPECIAL = frozenset({0, 1})


def test_masking():
    ids = [0, *range(100, 5000), 1]
    text = mask_tokens(ids, np.random.default_rng(5), 0.2, 7, 16_384, SPECIAL)
    chosen = [position for position, _ in text.targets]
    assert 0.18 < len(chosen) / len(ids) < 0.22
    assert 0 not in chosen and len(ids) - 1 not in chosen
    assert all(ids[position] == token for position, token in text.targets)
    hidden = sum(text.token_ids[position] == 7 for position in chosen)
    kept = sum(text.token_ids[position] == ids[position] for position in chosen)
    assert 0.77 < hidden / len(chosen) < 0.83
    assert 0.07 < kept / len(chosen) < 0.13
    untouched = set(range(len(ids))) - set(chosen)
    assert all(text.token_ids[position] == ids[position] for position in untouched)


def test_the_state_before_a_token_predicts_it():
    config = EncoderConfig(paradigm="sparse", attention="causal")
    files = Checkpoint("test", config, BACKBONE, None)
    model = load_model(files, None, torch.device("cpu"), torch.float32, kind=MntpModel).eval()
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


def test_mask_token_of_several_tokens():
    tokenizer = transformers.AutoTokenizer.from_pretrained(BACKBONE)
    with pytest.raises(UsageError, match="name one that is a single token"):
        mask_id_of(tokenizer, "several tokens")


@pytest.mark.slow
def test_from_adaptation_to_a_fine_tuned_encoder(recipe_file, tmp_path, beir):
    adapted = tmp_path / "adapted"
    recipe = tmp_path / "mntp.yaml"
    recipe.write_text(
        f"stage: mntp\nbackbone: {BACKBONE}\noutput: {adapted}\ndevice: cpu\n"
        f"data: {{train: {beir / 'corpus.jsonl'}}}\n"
        "schedule: {steps: 20, queries: 6, learning_rate: 1e-3, chunk_tokens: 64}\n"
        "trainer: {logging_steps: 1, disable_tqdm: true}\n"
    )
    run(load_recipe(recipe))
    log = [json.loads(line) for line in (adapted / "log.jsonl").open()]
    losses = [line["loss"] for line in log if "loss" in line]
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
    assert not (adapted / "encoder_config.json").exists()
    for paradigm in ("sparse", "dense"):
        tuned = recipe_file(
            start_from=str(adapted),
            output=str(tmp_path / paradigm),
            encoder={"paradigm": paradigm},
            regularisation={"queries": 0.0, "passages": 0.0},
        )
        run(load_recipe(tuned))
        assert load_encoder(str(tmp_path / paradigm)).encode_queries(["rain"]).shape[0] == 1
