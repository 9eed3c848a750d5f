"""Counted operations against PyTorch's own counter, and budgets against what was spent."""

import json

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from llm_encoders import UsageError
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.config import EncoderConfig
from llm_encoders.encoding.batching import pad
from llm_encoders.heads.vocabulary_head import term_weights
from llm_encoders.train.compute import ModelShape
from llm_encoders.train.model import load_model
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.recipe.sections import Adapter
from llm_encoders.train.run import run
from tests.llm_encoders.conftest import BACKBONE


@pytest.mark.parametrize("adapter", [Adapter(dropout=0.0), None])
def test_a_dense_text_costs_what_pytorch_counts(adapter):
    config = EncoderConfig(paradigm="dense")
    files = Checkpoint("test", config, BACKBONE, None)
    model = load_model(
        files, adapter, torch.device("cpu"), torch.float32, attention_implementation="eager"
    )
    shape = ModelShape.of(model)
    tokens = 64
    batch = pad([list(range(10, 10 + tokens))], [0], "right")
    with FlopCounterMode(display=False) as counter:
        model(batch.token_ids, batch.attention_mask).sum().backward()
    # Less by the first layer's inputs, which need no gradient where the embeddings are frozen.
    assert shape.text(tokens) == pytest.approx(counter.get_total_flops(), rel=0.03)


def test_the_sparse_head_costs_what_pytorch_counts():
    """What a sparse text costs more than a dense one is the product with the head."""
    shapes = {}
    for paradigm in ("sparse", "dense"):
        files = Checkpoint("test", EncoderConfig(paradigm=paradigm), BACKBONE, None)
        model = load_model(files, Adapter(), torch.device("cpu"), torch.float32)
        shapes[paradigm] = ModelShape.of(model)
        if paradigm == "sparse":
            head = model.backbone().head
    tokens = 10
    states = torch.randn(1, tokens, head.shape[1])
    with FlopCounterMode(display=False) as counter:
        term_weights(states, torch.ones(1, tokens, dtype=torch.bool), head.detach())
    more = shapes["sparse"].text(tokens) - shapes["dense"].text(tokens)
    assert more == counter.get_total_flops() > 0
    assert shapes["sparse"].vector == len(head)


def test_a_budget_is_spent(recipe_file, tmp_path):
    recipe = recipe_file(schedule={"steps": None}, budget={"training_flops": 4e10})
    run(load_recipe(recipe))
    cost = json.loads((tmp_path / "run" / "cost.json").read_text())
    assert cost["flops"] == pytest.approx(4e10, rel=0.1)


def test_a_budget_below_one_step(recipe_file):
    recipe = recipe_file(schedule={"steps": None}, budget={"training_flops": 1e3})
    with pytest.raises(UsageError, match="one step costs"):
        run(load_recipe(recipe))
