"""Token ids to length-sorted batches under a token budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # PyTorch is imported only where tensors are made
    from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Some rows of the input, padded to their longest."""

    rows: list[int]
    """Positions of the texts in the input."""
    token_ids: "Tensor"
    """int64 [batch, length]."""
    attention_mask: "Tensor"
    """int64 [batch, length], 1 for real tokens."""
    unpooled: "Tensor"
    """int64 [batch], how many tokens at the beginning of each text take no part in pooling."""


def length_sorted(
    lengths: Sequence[int], max_texts: int, max_tokens: int, rows: Sequence[int] | None = None
) -> list[list[int]]:
    """Group rows of like length, longest first, into batches.

    A batch has at most ``max_texts`` rows, and its padded size (rows times its longest) at most
    ``max_tokens`` unless one text alone exceeds it. ``rows`` restricts it to some rows.
    """
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)) if rows is None else rows, key=lambda r: -lengths[r]):
        room = batches and len(batches[-1]) < max_texts
        if room and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= max_tokens:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def pad(token_ids: list[list[int]], rows: list[int], padding_side: str, pad_id: int = 0) -> Batch:
    """Pad the given rows to their longest, on the ``"right"`` or the ``"left"``.

    Of a plain list of token ids all take part in pooling; see :class:`TokenIds`.
    """
    import torch

    length = max(1, max(len(token_ids[row]) for row in rows))
    ids = torch.full((len(rows), length), pad_id, dtype=torch.int64)
    mask = torch.zeros((len(rows), length), dtype=torch.int64)
    for i, row in enumerate(rows):
        count = len(token_ids[row])
        place = slice(0, count) if padding_side == "right" else slice(length - count, length)
        ids[i, place] = torch.tensor(token_ids[row], dtype=torch.int64)
        mask[i, place] = 1
    unpooled = torch.tensor([getattr(token_ids[row], "unpooled", 0) for row in rows])
    return Batch(rows, ids, mask, unpooled)
