"""Whole runs of a recipe against formulas in float64: losses, gradients, ramp, rates, weights.

All queries are in every step, so that the order in which they are drawn does not matter.
"""

import pytest
import torch
from transformers import AutoTokenizer

from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
from tests.llm_encoders.conftest import BACKBONE
from tests.llm_encoders.train import formula
from tests.llm_encoders.train.small_run import (
    PASSAGES,
    RAMP_STEPS,
    RATE,
    STEPS,
    batch,
    objective,
    values,
)


def idf_factor():
    """Mean idf of all terms over the idf of each, at most 10; idf as in Lucene's BM25."""
    count = len(PASSAGES)
    frequency = torch.zeros(formula.CONFIG["vocab_size"], dtype=torch.float64)
    special = {*AutoTokenizer.from_pretrained(BACKBONE).all_special_ids}
    for text in PASSAGES.values():
        frequency[sorted({*formula.tokens(text, 192)} - special)] += 1
    idf = torch.log(1 + (count - frequency + 0.5) / (frequency + 0.5))
    return (idf.mean() / idf).clamp(max=10)


CASES = {
    "flops": {},
    "l1": {"regularisation": {"kind": "l1", "queries": 0.004, "passages": 0.002}},
    "idf-flops": {"regularisation": {"kind": "idf-flops"}},
    "dense": {
        "encoder": {"paradigm": "dense", "temperature": 0.05},
        "regularisation": {"queries": 0.0, "passages": 0.0},
    },
}


@pytest.mark.parametrize("name", CASES)
def test_a_run_is_the_formula(files, tmp_path, name):
    recipe = values(files, tmp_path / "run", **CASES[name])
    run(load_recipe(formula.write_recipe(tmp_path / "recipe.yaml", recipe)))
    llama = formula.Llama(files / "adapter")
    regulariser = {
        "l1": formula.l1,
        "idf-flops": lambda vectors: formula.flops(vectors, idf_factor()),
    }.get(name, formula.flops)
    wanted, queries = objective(recipe, regulariser), batch()
    encode = llama.dense if name == "dense" else llama.sparse
    lines = formula.logged(tmp_path / "run")
    assert len(lines) == STEPS
    for number, line in enumerate(lines):
        ramp = min(1.0, (number + 1) / RAMP_STEPS) ** 2
        # One step of linear warm-up from 0, then linearly down to 0 at the end.
        rate = RATE * (STEPS - number) / (STEPS - 1) if number else 0.0
        parts = wanted.parts(encode, queries)
        loss = wanted.total(parts, ramp)
        norm = formula.descend(llama.trained, loss, rate)
        for key, value in parts.items():
            if key in line:
                assert line[key] == pytest.approx(float(value.detach()), rel=1e-5), (number, key)
        assert line["loss"] == pytest.approx(float(loss.detach()), rel=1e-5), number
        assert line["grad_norm"] == pytest.approx(norm, rel=1e-5), number
        assert line["learning_rate"] == pytest.approx(rate), number
    before = formula.read_adapter(files / "adapter")
    formula.assert_same_change(before, llama.trained, tmp_path / "run")
    parts = {"contrastive", "kl", "margin_mse"}
    parts |= set() if name == "dense" else {"query_regularisation", "passage_regularisation"}
    assert parts <= lines[0].keys()
