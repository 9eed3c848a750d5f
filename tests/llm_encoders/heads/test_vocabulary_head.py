"""Every implementation of the head against the plain formula: values and gradients."""

import os
import subprocess
import sys

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from llm_encoders import UsageError
from llm_encoders.heads.kernels import chunked
from llm_encoders.heads.vocabulary_head import term_weights

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
IMPLEMENTATIONS = ["triton"] if INTERPRETED else ["chunked"]


def ragged(batch=7, length=11, hidden=16, vocabulary=1000, side="right", seed=3):
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(batch, length, hidden, generator=generator)
    weight = torch.randn(vocabulary, hidden, generator=generator)
    lengths = torch.randint(1, length + 1, (batch,), generator=generator)
    mask = torch.arange(length) < lengths.unsqueeze(1)
    return states, mask if side == "right" else mask.flip(1), weight


def gradients(implementation, states, mask, weight, scale, head=True):
    """Weights, and gradients of a random linear function of them."""
    states = states.detach().clone().requires_grad_()
    weight = weight.detach().clone().requires_grad_(head)
    result = term_weights(states, mask, weight, scale, implementation)
    generator = torch.Generator().manual_seed(5)
    direction = torch.randn(result.shape, generator=generator)
    (result * direction.to(result.device)).sum().backward()
    return result.detach(), states.grad, weight.grad


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    ("batch", "length", "hidden", "vocabulary"),
    [(7, 11, 16, 1000), (1, 1, 8, 5), (3, 40, 33, 257), (19, 3, 20, 130), (2, 150, 16, 64)],
)
def test_values_and_gradients_equal_the_plain_formula(
    implementation, side, batch, length, hidden, vocabulary
):
    data = ragged(batch, length, hidden, vocabulary, side)
    expected = gradients("plain", *data, 0.25)
    for found, wanted in zip(gradients(implementation, *data, 0.25), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_inference_gives_the_same_values_as_training(implementation):
    data = ragged()
    with torch.inference_mode():
        values = term_weights(*data, 0.25, implementation)
    assert torch.equal(values, gradients(implementation, *data, 0.25)[0])


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_mask_with_holes_and_non_contiguous_input(implementation):
    states, mask, weight = ragged()
    mask[:, 2] = False
    mask[4] = False  # a text without pooled tokens has no terms and no gradient
    strided = states.transpose(0, 1).contiguous().transpose(0, 1)
    columns = weight.T.contiguous().T
    assert not strided.is_contiguous() and not columns.is_contiguous()
    found = gradients(implementation, strided, mask, columns, 1.0)
    expected = gradients("plain", states, mask, weight, 1.0)
    for got, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)
    assert not found[0][4].any() and found[0][2].any()
    assert not found[1][4].any() and not found[1][:, 2].any()


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_frozen_head_and_frozen_states(implementation):
    data = ragged()
    _, to_states, to_head = gradients(implementation, *data, 0.25, head=False)
    assert to_head is None
    torch.testing.assert_close(to_states, gradients("plain", *data, 0.25)[1])
    states, mask, weight = data
    weight = weight.clone().requires_grad_()
    term_weights(states, mask, weight, 0.25, implementation).sum().backward()
    assert weight.grad is not None and weight.grad.any()


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_tied_head(implementation):
    """One matrix as embedding and head gets the sum of both gradients."""
    _, mask, weight = ragged()
    ids = torch.randint(0, len(weight), mask.shape, generator=torch.Generator().manual_seed(1))

    def gradient(name):
        tied = weight.clone().requires_grad_()
        term_weights(tied[ids], mask, tied, 0.25, name).square().sum().backward()
        return tied.grad

    torch.testing.assert_close(gradient(implementation), gradient("plain"), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_bfloat16_is_near_the_float32_formula(implementation):
    states, mask, weight = ragged(hidden=32)
    data = (states.bfloat16(), mask, weight.bfloat16(), 0.25)
    found = gradients(implementation, *data)
    expected = gradients("plain", data[0].float(), mask, data[2].float(), 0.25)
    assert found[0].dtype == torch.float32
    assert found[1].dtype == found[2].dtype == torch.bfloat16
    for got, wanted in zip(found, expected, strict=True):
        # A near tie of two tokens may fall the other way, which moves a gradient elsewhere.
        assert (got - wanted).norm() / wanted.norm() < 0.1
    assert (found[0] - expected[0]).norm() / expected[0].norm() < 1e-2


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_all_negative_logits_give_zero_and_no_gradient(implementation):
    states, mask, weight = ragged()
    found = gradients(implementation, -states.abs(), mask, weight.abs(), 1.0)
    assert not any(tensor.any() for tensor in found)


@pytest.mark.parametrize("chunk", [1, 64, 333, 1000, 4096])
def test_any_chunk_size(monkeypatch, chunk):
    data = ragged()
    expected = term_weights(*data, 0.25, "plain")
    monkeypatch.setattr(chunked, "VOCABULARY_CHUNK", chunk)
    torch.testing.assert_close(term_weights(*data, 0.25, "chunked"), expected)


def test_never_builds_batch_by_length_by_vocabulary():
    """In neither direction, as far as PyTorch's own operations go."""

    class LargestTensor(TorchDispatchMode):
        elements = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor) and result.layout == torch.strided:
                self.elements = max(self.elements, result.untyped_storage().nbytes() // 4)
            return result

    states, mask, weight = ragged(batch=8, length=64, vocabulary=20_000)
    with LargestTensor() as largest:
        gradients("chunked", states, mask, weight, 1.0)
    # nonzero() gives two int64 a (text, term); everything else is smaller.
    allowed = max(4 * 8 * 20_000, 8 * 64 * chunked.VOCABULARY_CHUNK, weight.numel())
    assert largest.elements <= allowed < 8 * 64 * 20_000


def test_unknown_implementation():
    with pytest.raises(UsageError, match="Unknown implementation 'fused'"):
        term_weights(*ragged(), implementation="fused")


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED, reason="is itself the run under the interpreter")
def test_triton_under_its_interpreter():
    """The tests above with the Triton kernel; the interpreter must be chosen before the import."""
    pytest.importorskip("triton", reason="needs Triton (pip install '.[test]')")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
    assert "passed" in result.stdout


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_triton_on_a_gpu(dtype):
    states, mask, weight = (t.cuda() for t in ragged(33, 150, 256, 5003))
    data = (states.to(dtype), mask, weight.to(dtype), 0.25)
    found = gradients("triton", *data)
    expected = gradients("plain", data[0].float(), mask, data[2].float(), 0.25)
    bound = 1e-5 if dtype == torch.float32 else 0.1
    for got, wanted in zip(found, expected, strict=True):
        assert (got - wanted).norm() / wanted.norm() < bound
