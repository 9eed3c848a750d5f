"""The vocabulary maximum as one Triton kernel: logits live and die in a program's registers.

A program computes a tile of logits, [BLOCK_TOKENS, BLOCK_TERMS], of the packed tokens, reduces it
text by text and merges the result into memory by an atomic maximum. Value and token position are
one 64-bit key whose order is that of (value, then earlier token), so the outcome does not depend
on the order of programs, ties included. Runs on a CPU under ``TRITON_INTERPRET=1``.
"""

import os
from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

_LAST_POSITION = 2**31 - 1
# The interpreter keeps bfloat16 as bits, which its product takes for integers.
_INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


@dataclass(frozen=True)
class Tile:
    """Shape of a program's work."""

    tokens: int = 128
    terms: int = 256
    hidden: int = 64
    """How much of the hidden size one step of the inner product takes."""
    group: int = 8
    """Token tiles that run side by side over the same terms, so that those stay in the L2."""
    warps: int = 8
    stages: int = 3


DEFAULT_TILE = Tile()
FLOAT32_TILE = Tile(tokens=64, terms=64, hidden=32, warps=4, stages=2)


def vocabulary_max(
    packed: Tensor,
    weight: Tensor,
    offsets: Tensor,
    want_positions: bool,
    tile: Tile | None = None,
) -> tuple[Tensor, Tensor | None]:
    """As :func:`llm_encoders.heads.kernels.chunked.vocabulary_max`; ``tile`` is for tuning."""
    if tile is None:
        tile = FLOAT32_TILE if packed.dtype == torch.float32 else DEFAULT_TILE
    packed = packed.contiguous()
    tokens, hidden = packed.shape
    texts, vocabulary = len(offsets) - 1, len(weight)
    counts = offsets.diff()
    text_of = torch.repeat_interleave(
        torch.arange(texts, dtype=torch.int32, device=packed.device), counts
    )
    dtype = torch.int64 if want_positions else torch.int32
    keys = torch.full((texts, vocabulary), _empty_key(dtype), dtype=dtype, device=packed.device)
    if tokens:
        grid = (triton.cdiv(tokens, tile.tokens) * triton.cdiv(vocabulary, tile.terms),)
        _vocabulary_max_kernel[grid](
            *(packed, weight, text_of, keys, tokens, vocabulary, hidden),
            *(packed.stride(0), weight.stride(0), weight.stride(1)),
            WANT_POSITIONS=want_positions,
            UPCAST=_INTERPRETED and packed.dtype == torch.bfloat16,
            BLOCK_TOKENS=tile.tokens,
            BLOCK_TERMS=tile.terms,
            BLOCK_HIDDEN=tile.hidden,
            GROUP=tile.group,
            num_warps=tile.warps,
            num_stages=tile.stages,
        )
    if not want_positions:
        return _float_of(keys), None
    positions = (_LAST_POSITION - (keys & 0xFFFFFFFF)).to(torch.int32)
    return _float_of((keys >> 32).to(torch.int32)), positions


def _empty_key(dtype: torch.dtype) -> int:
    """The key of -inf at position -1."""
    ordered = -(2**31) + 0x7FFFFF  # the order-preserving integer of float32 -inf
    return ordered if dtype == torch.int32 else (ordered << 32) | (_LAST_POSITION + 1)


def _float_of(ordered: Tensor) -> Tensor:
    """float32 values of their order-preserving int32."""
    return (ordered ^ ((ordered >> 31) & 0x7FFFFFFF)).view(torch.float32)


@triton.jit  # type: ignore[untyped-decorator]
def _vocabulary_max_kernel(  # type: ignore[no-untyped-def]
    packed,
    weight,
    text_of,
    keys,
    tokens,
    vocabulary,
    hidden,
    packed_stride,
    weight_stride,
    weight_hidden_stride,
    WANT_POSITIONS: tl.constexpr,
    UPCAST: tl.constexpr,
    BLOCK_TOKENS: tl.constexpr,
    BLOCK_TERMS: tl.constexpr,
    BLOCK_HIDDEN: tl.constexpr,
    GROUP: tl.constexpr,
):
    token_tiles = tl.cdiv(tokens, BLOCK_TOKENS)
    term_tiles = tl.cdiv(vocabulary, BLOCK_TERMS)
    program = tl.program_id(0)
    group_start = program // (GROUP * term_tiles) * GROUP
    group_size = tl.minimum(token_tiles - group_start, GROUP)
    within = program % (GROUP * term_tiles)
    token_tile = group_start + within % group_size
    term_tile = within // group_size

    token = token_tile * BLOCK_TOKENS + tl.arange(0, BLOCK_TOKENS)
    term = (term_tile * BLOCK_TERMS + tl.arange(0, BLOCK_TERMS)).to(tl.int64)
    inner = tl.arange(0, BLOCK_HIDDEN)
    real, known = token < tokens, term < vocabulary
    state_at = packed + token.to(tl.int64)[:, None] * packed_stride + inner[None, :]
    weight_at = weight + term[None, :] * weight_stride + inner[:, None] * weight_hidden_stride
    logits = tl.zeros((BLOCK_TOKENS, BLOCK_TERMS), dtype=tl.float32)
    for start in range(0, hidden, BLOCK_HIDDEN):
        inside = inner < hidden - start
        state = tl.load(state_at + start, mask=real[:, None] & inside[None, :], other=0.0)
        column = tl.load(
            weight_at + start * weight_hidden_stride,
            mask=inside[:, None] & known[None, :],
            other=0.0,
        )
        if UPCAST:
            state, column = state.to(tl.float32), column.to(tl.float32)
        logits = tl.dot(state, column, logits, input_precision="ieee")

    text = tl.load(text_of + token, mask=real, other=-1)
    first = tl.load(text_of + token_tile * BLOCK_TOKENS)
    last = tl.load(text_of + tl.minimum((token_tile + 1) * BLOCK_TOKENS, tokens) - 1)
    for row in range(first, last + 1):
        own = tl.where((text == row)[:, None], logits, float("-inf"))
        key_at = keys + (tl.zeros((), dtype=tl.int64) + row) * vocabulary + term
        if WANT_POSITIONS:
            best, index = tl.max(own, axis=0, return_indices=True)
            position = (token_tile * BLOCK_TOKENS + index).to(tl.int64)
            bits = best.to(tl.int32, bitcast=True)
            ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).to(tl.int64)
            key = (ordered << 32) | (2147483647 - position)
            tl.atomic_max(key_at, key, mask=known)
        else:
            bits = tl.max(own, axis=0).to(tl.int32, bitcast=True)
            ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)
            tl.atomic_max(key_at, ordered, mask=known)
