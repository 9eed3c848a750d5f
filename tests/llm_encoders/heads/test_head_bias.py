"""The bias of a head: in the logits before the maximum, as the plain formula has it."""

import pytest
import torch

from llm_encoders.heads.vocabulary_head import term_weights

SCALE = 0.5


def data(hidden=8, terms=90):
    generator = torch.Generator().manual_seed(6)
    states = torch.randn(4, 7, hidden, generator=generator)
    mask = torch.arange(7) < torch.tensor([7, 1, 0, 4]).unsqueeze(1)  # one text has no token
    weight = torch.randn(terms, hidden, generator=generator)
    return states, mask, weight, 3 * torch.randn(terms, generator=generator)


def results(implementation, trained):
    """Term weights, and gradients of what is trained."""
    states, mask, weight, bias = data()
    tensors = {"states": states, "weight": weight, "bias": bias}
    for name in trained:
        tensors[name].requires_grad_()
    found = term_weights(states, mask, weight, SCALE, implementation, bias)
    (found * torch.linspace(-1, 1, found.numel()).view_as(found)).sum().backward()
    return [found.detach(), *(tensors[name].grad for name in trained)]


@pytest.mark.parametrize("trained", [("states", "weight", "bias"), ("bias",), ("states", "bias")])
def test_values_and_gradients_equal_the_plain_formula(trained):
    expected = results("plain", trained)
    for found, wanted in zip(results("chunked", trained), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert not expected[0][2].any() and expected[0][1].any()


def test_the_formula():
    states, mask, weight, bias = data()
    found = term_weights(states, mask, weight, SCALE, "chunked", bias)
    pairs = list(zip(weight, bias, strict=True))
    logits = [[float(states[3, token] @ w + b) for w, b in pairs] for token in range(4)]
    best = torch.tensor(logits).amax(0)
    torch.testing.assert_close(found[3], (1 + SCALE * best.clamp(min=0)).log())
