"""The sparse head log1p(relu(max over tokens of logits)), never [batch, length, vocabulary].

log1p and relu are monotone, so they commute with the maximum and are applied once to the
[batch, vocabulary] result. Only real tokens are multiplied. In the backward pass only the token
that gave the maximum of a (text, term) receives a gradient, and none where the weight is zero, so
the gradient of the logits is a sparse matrix with at most one entry a (text, term).
"""

import functools
import importlib.util
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from llm_encoders.errors import UsageError
from llm_encoders.heads.kernels import chunked, plain
from llm_encoders.heads.kernels.sparse_product import sparse_product

IMPLEMENTATIONS = ("plain", "chunked", "triton")


def term_weights(
    states: Tensor,
    mask: Tensor,
    weight: Tensor,
    scale: float = 1.0,
    implementation: str | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """SPLADE term weights: log1p(relu(max over pooled tokens of
    ``(states @ weight.T + bias) * scale``)).

    Differentiable with respect to ``states``, ``weight`` and ``bias``. The order max, then
    log1p(relu) is that of arXiv 2502.15526; it equals the original SPLADE-max (arXiv 2109.10086)
    because log1p(relu) is monotone.

    Args:
        states: [batch, length, hidden], the backbone's last hidden states, any strides.
        mask: bool [batch, length], true where a token is pooled.
        weight: [vocabulary, hidden], the LM head.
        scale: positive factor on the logits.
        implementation: ``"triton"`` (default on a GPU that has Triton), ``"chunked"`` (default
            elsewhere), or ``"plain"``, which holds all logits and is the yardstick of the others.
        bias: float32 [vocabulary], the same for all tokens, so it is added to their maximum.

    Returns:
        float32 [batch, vocabulary]; zeros for a text without pooled tokens.

    Raises:
        UsageError: an unknown implementation.
    """
    chosen = implementation or _default_implementation(states.device)
    if chosen not in IMPLEMENTATIONS:
        raise UsageError(f"Unknown implementation '{chosen}'; use {', '.join(IMPLEMENTATIONS)}.")
    if chosen == "plain":
        return plain.term_weights(states, mask, weight, scale, bias)
    mask = mask.bool()  # integers would index
    packed = states[mask]  # [tokens, hidden]
    offsets = torch.nn.functional.pad(mask.sum(1).cumsum(0), (1, 0))  # [batch + 1]
    apply: Callable[..., Tensor] = _TermWeights.apply
    return apply(packed, weight, offsets, scale, _vocabulary_max(chosen), bias)


class _TermWeights(torch.autograd.Function):
    """Keeps the weights and the positions of the maxima, 8 bytes a (text, term), for backward."""

    @staticmethod
    def forward(
        ctx: Any,
        packed: Tensor,
        weight: Tensor,
        offsets: Tensor,
        scale: float,
        vocabulary_max: Callable[..., tuple[Tensor, Tensor | None]],
        bias: Tensor | None,
    ) -> Tensor:
        wanted = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        maxima, positions = vocabulary_max(packed, weight, offsets, wanted)
        if bias is not None:
            maxima.add_(bias)
        weights = maxima.mul_(scale).relu_().log1p_()
        ctx.scale = scale
        ctx.save_for_backward(packed, weight, weights, positions)
        return weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        packed, weight, weights, positions = ctx.saved_tensors
        row, term = ((gradient != 0) & (weights > 0)).nonzero(as_tuple=True)
        # The derivative of log1p(x) is 1 / (1 + x), and 1 + x is exp of the weight.
        logit_gradient = gradient[row, term].float() * torch.exp(-weights[row, term]) * ctx.scale
        to_packed = to_weight = to_bias = None
        if positions is not None:
            token = positions[row, term].long()
        if ctx.needs_input_grad[0]:
            to_packed = sparse_product(token, term, logit_gradient, len(packed), weight)
            to_packed = to_packed.to(packed.dtype)
        if ctx.needs_input_grad[1]:
            to_weight = sparse_product(term, token, logit_gradient, len(weight), packed)
            to_weight = to_weight.to(weight.dtype)
        if ctx.needs_input_grad[5]:
            to_bias = logit_gradient.new_zeros(len(weight)).index_add_(0, term, logit_gradient)
        return to_packed, to_weight, None, None, None, to_bias


def _vocabulary_max(implementation: str) -> Callable[..., tuple[Tensor, Tensor | None]]:
    if implementation == "chunked":
        return chunked.vocabulary_max
    from llm_encoders.heads.kernels import triton_max

    return triton_max.vocabulary_max


def _default_implementation(device: torch.device) -> str:
    return "triton" if device.type == "cuda" and _has_triton() else "chunked"


@functools.cache
def _has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None and "TRITON_INTERPRET" not in os.environ
