import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from llm_encoders import vocabulary_head
from llm_encoders.vocabulary_head import term_weights


def plain_formula(states, mask, weight, scale):
    """max over real tokens of log1p(relu(logits)) over the full [batch, length, vocabulary]."""
    logits = states.float() @ weight.float().T * scale
    values = torch.log1p(torch.relu(logits)) * mask.unsqueeze(-1)
    return values.amax(1)


def ragged(batch=7, length=11, hidden=16, vocabulary=1000, side="right"):
    generator = torch.Generator().manual_seed(3)
    states = torch.randn(batch, length, hidden, generator=generator)
    weight = torch.randn(vocabulary, hidden, generator=generator)
    lengths = torch.randint(1, length + 1, (batch,), generator=generator)
    mask = torch.arange(length) < lengths.unsqueeze(1)
    return states, mask if side == "right" else mask.flip(1), weight


@pytest.mark.parametrize("chunk", [1, 64, 333, 1000, 4096])
@pytest.mark.parametrize("side", ["right", "left"])
def test_equals_the_plain_formula(monkeypatch, chunk, side):
    monkeypatch.setattr(vocabulary_head, "VOCABULARY_CHUNK", chunk)
    states, mask, weight = ragged(side=side)
    expected = plain_formula(states, mask, weight, 0.25)
    torch.testing.assert_close(term_weights(states, mask, weight, 0.25), expected)


def test_mask_with_holes_and_non_contiguous_input():
    states, mask, weight = ragged()
    mask[:, 2] = False
    strided = states.transpose(0, 1).contiguous().transpose(0, 1)
    assert not strided.is_contiguous()
    expected = plain_formula(states, mask, weight, 1.0)
    torch.testing.assert_close(term_weights(strided, mask, weight), expected)


def test_text_without_pooled_tokens_has_no_terms():
    states, mask, weight = ragged()
    mask[3] = False
    weights = term_weights(states, mask, weight)
    assert not weights[3].any() and weights[2].any()


def test_bfloat16_is_near_and_returns_float32():
    states, mask, weight = ragged()
    weights = term_weights(states.bfloat16(), mask, weight.bfloat16(), 0.25)
    assert weights.dtype == torch.float32
    expected = plain_formula(states, mask, weight, 0.25)
    assert (weights - expected).norm() / expected.norm() < 1e-2


def test_never_builds_batch_by_length_by_vocabulary():
    class LargestTensor(TorchDispatchMode):
        elements = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                self.elements = max(self.elements, result.untyped_storage().nbytes() // 4)
            return result

    states, mask, weight = ragged(batch=8, length=64, vocabulary=20_000)
    with LargestTensor() as largest:
        term_weights(states, mask, weight)
    allowed = max(8 * 20_000, 8 * 64 * vocabulary_head.VOCABULARY_CHUNK, weight.numel())
    assert largest.elements <= allowed < 8 * 64 * 20_000
