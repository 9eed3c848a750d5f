"""Representations of all processes, so that the loss is that of the whole batch."""

import json
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

Value = TypeVar("Value")


def processes() -> int:
    """Number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if processes() > 1 else 0


def gather_rows(own: Tensor, counts: list[int]) -> Tensor:
    """The rows of all processes, in their order; differentiable with respect to the own rows.

    Every process computes the same loss from the result and differentiates it with respect to its
    own rows. The sum of the parameters' gradients over processes is then the gradient of the loss;
    data parallelism averages them, so the loss must be multiplied by :func:`processes`.

    Args:
        own: [rows of this process, width].
        counts: rows of every process, known to all of them.

    Returns:
        [sum of counts, width].
    """
    if processes() == 1:
        return own
    longest = max(counts)
    padded = own.new_zeros((longest, own.shape[1]))
    padded[: len(own)] = own.detach()
    received = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(received, padded)
    rows = [part[:count] for part, count in zip(received, counts, strict=True)]
    rows[rank()] = own
    return torch.cat(rows)


def largest(number: int, device: torch.device) -> int:
    """The largest of the numbers that the processes give."""
    if processes() == 1:
        return number
    value = torch.tensor(number, device=device)
    dist.all_reduce(value, dist.ReduceOp.MAX)
    return int(value)


def from_first(value: Value, device: torch.device) -> Value:
    """Send a JSON value from process 0 to all processes."""
    if processes() == 1:
        return value
    content = torch.tensor(list(json.dumps(value).encode()), dtype=torch.uint8, device=device)
    size = torch.tensor(len(content), device=device)
    dist.broadcast(size, 0)
    if rank() != 0:
        content = torch.empty(int(size), dtype=torch.uint8, device=device)
    dist.broadcast(content, 0)
    received: Value = json.loads(bytes(content.tolist()))
    return received
