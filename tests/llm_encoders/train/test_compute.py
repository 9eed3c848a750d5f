"""Counted operations against PyTorch's own counter, and budgets against what was spent."""

import json

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from llm_encoders import UsageError
from llm_encoders.batching import pad
from llm_encoders.checkpoint import Checkpoint
from llm_encoders.config import EncoderConfig
from llm_encoders.train.compute import ModelShape
from llm_encoders.train.model import load_model
from llm_encoders.train.recipe_file import load_recipe
from llm_encoders.train.recipe_sections import Adapter
from llm_encoders.train.run import run
from tests.llm_encoders.train.conftest import BACKBONE


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


def test_the_sparse_head_is_counted():
    config = EncoderConfig(paradigm="sparse")
    files = Checkpoint("test", config, BACKBONE, None)
    model = load_model(files, Adapter(), torch.device("cpu"), torch.float32)
    shape = ModelShape.of(model)
    head = model.backbone().head
    assert shape.head == head.numel() == 16_384 * 256
    assert shape.vector == 16_384
    without = 10 * (4 * (shape.frozen + shape.trained) + 2 * shape.trained)
    attention = 12 * 100 * shape.attention_width * shape.layers
    assert shape.text(10) == without + attention + 10 * 2 * shape.head


def test_a_budget_is_spent(recipe_file, tmp_path):
    recipe = recipe_file(schedule={"steps": None}, budget={"training_flops": 4e10})
    run(load_recipe(recipe))
    spent = json.loads((tmp_path / "run" / "spent.json").read_text())
    assert spent["flops"] == pytest.approx(4e10, rel=0.1)


def test_a_budget_below_one_step(recipe_file):
    recipe = recipe_file(schedule={"steps": None}, budget={"training_flops": 1e3})
    with pytest.raises(UsageError, match="one step costs"):
        run(load_recipe(recipe))
