"""Losses and gradients against what the implementation published with arXiv 2502.15526 computes."""

from functools import cache

import numpy as np
import pytest
import torch

from llm_encoders.checkpoints.resolve import resolve
from llm_encoders.train.model import load_model
from llm_encoders.train.objective import Candidates, Objective
from llm_encoders.train.regularisers.flops import flops

QUERIES, PASSAGES = 6, 4  # passages of each query, its positive first


@pytest.fixture(scope="module")
def expected(shared_data):
    with np.load(shared_data / "parity" / "expected.npz", allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays}


@pytest.fixture(scope="module")
def load(shared_data):
    @cache
    def load(paradigm):
        files = resolve(str(shared_data / "parity" / f"adapter-{paradigm}"), paradigm=paradigm)
        model = load_model(files, None, torch.device("cpu"), torch.float32)
        return model.eval()  # without dropout

    return load


def represented(model, expected):
    pairs = ((f"{text}_input_ids", f"{text}_attention_mask") for text in ("query", "passage"))
    return tuple(model(expected[ids], expected[mask]) for ids, mask in pairs)


def lora_gradients(model):
    return {name: p.grad for name, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("loss", ["cl", "kl", "marginmse"])
@pytest.mark.parametrize("paradigm", ["sparse", "dense"])
def test_loss_and_gradient(load, expected, paradigm, loss):
    model = load(paradigm)
    model.zero_grad()
    groups = torch.arange(QUERIES * PASSAGES).view(QUERIES, PASSAGES)
    teacher = expected["teacher_scores"]
    if loss == "marginmse":  # one negative a query
        groups, teacher = groups[:, :2], teacher[:, :2]
    weights = {"cl": "contrastive", "kl": "kl", "marginmse": "margin_mse"}
    temperature = 0.01 if paradigm == "dense" else 1.0
    objective = Objective({weights[loss]: 1.0}, temperature=temperature)
    parts = objective.parts(*represented(model, expected), Candidates(groups, teacher))
    (part,) = parts
    part.value.backward()
    name = f"{paradigm}_{loss}"
    torch.testing.assert_close(
        part.value.detach(), expected[f"{name}_rank"], rtol=1e-4, atol=0, check_dtype=False
    )
    gradients = lora_gradients(model)
    norm = torch.stack([g.norm() for g in gradients.values()]).norm()
    torch.testing.assert_close(
        norm, expected[f"{name}_grad_norm"], rtol=1e-3, atol=0, check_dtype=False
    )
    (one,) = [g for n, g in gradients.items() if "layers.1." in n and "v_proj.lora_A" in n]
    reference = expected[f"{name}_grad_layer1_v_loraA"]
    assert (one - reference).norm() <= 1e-3 * reference.norm()


def test_regularisers(load, expected):
    queries, passages = represented(load("sparse"), expected)
    positives, negatives = passages[::PASSAGES], passages[1::PASSAGES]
    close = {"rtol": 1e-4, "atol": 0, "check_dtype": False}
    for loss in ("cl", "kl", "marginmse"):
        torch.testing.assert_close(flops(queries), expected[f"sparse_{loss}_query_reg"], **close)
    torch.testing.assert_close(flops(passages), expected["sparse_cl_doc_reg"], **close)
    both = (flops(positives) + flops(negatives)) / 2
    torch.testing.assert_close(both, expected["sparse_marginmse_doc_reg"], **close)
