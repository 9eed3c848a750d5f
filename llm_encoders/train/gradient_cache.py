"""Gradient caching: batches whose size does not depend on the memory for activations.

All texts are represented without a graph first; the loss gives a gradient for every representation;
then the texts are represented again, a chunk at a time, with a graph, and that gradient is sent
through it (GradCache, arXiv 2101.06983). Loss and gradients are those of the whole batch.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from llm_encoders.encoding.batching import length_sorted, pad
from llm_encoders.train.gather import largest


@dataclass(frozen=True)
class Chunk:
    """Rows that pass through the model together."""

    rows: list[int]
    counts: bool = True
    """False for a chunk that is there only because other processes have one more."""
    side: str | None = None
    """``"query"`` or ``"passage"`` where each has a tower of its own."""


def chunked(lengths: list[int], max_tokens: int | None, device: torch.device) -> list[Chunk]:
    """Cut texts into length-sorted chunks of at most ``max_tokens`` padded tokens.

    All processes get the same number of chunks, because sharded models communicate in every pass.
    ``None`` puts all texts into one.
    """
    if max_tokens is None:
        rows = [list(range(len(lengths)))]
    else:
        rows = length_sorted(lengths, len(lengths), max_tokens)
    wanted = largest(len(rows), device)
    while len(rows) < wanted:
        rows.sort(key=len)
        last = rows.pop()
        if len(last) == 1:
            rows.append(last)
            break
        rows += [last[: len(last) // 2], last[len(last) // 2 :]]
    idle = [Chunk([0], counts=False)] * (wanted - len(rows))
    return [*idle, *(Chunk(part) for part in rows)]


def chunked_by_side(
    lengths: list[int], queries: int, max_tokens: int | None, device: torch.device
) -> list[Chunk]:
    """As :func:`chunked`, for texts whose first ``queries`` are queries and the others passages.

    No chunk holds both, and every process gets the same number of either kind.
    """
    sides = ("query", 0, lengths[:queries]), ("passage", queries, lengths[queries:])
    return [
        Chunk([first + row for row in chunk.rows], chunk.counts, side)
        for side, first, own in sides
        for chunk in chunked(own, max_tokens, device)
    ]


def step(
    model: nn.Module,
    token_ids: list[list[int]],
    loss_of: Callable[[Tensor], Tensor],
    backward: Callable[[Tensor], None],
    *,
    max_tokens: int | None = None,
    device: torch.device,
    no_sync: Callable[[], AbstractContextManager[None]] = nullcontext,
    queries: int | None = None,
) -> Tensor:
    """Run forward and backward over a batch of texts, in chunks where it has several.

    Args:
        model: (token ids, attention mask), both int64 [texts, length], to vectors [texts, width].
        token_ids: the texts of this process.
        loss_of: vectors [texts, width], rows in the order of ``token_ids``, to a scalar.
        backward: what to call in place of ``loss.backward()``, e.g. to scale it.
        max_tokens: padded tokens of a chunk; ``None`` for one chunk, without caching.
        device: where the model is.
        no_sync: wraps all passes but the last, so that gradients are exchanged once.
        queries: for a model of two towers, how many of the first texts are queries; the model then
            takes a ``side``, and no chunk mixes queries and passages.

    Returns:
        The loss, detached.
    """
    lengths = [len(ids) for ids in token_ids]
    if queries is None:
        chunks = chunked(lengths, max_tokens, device)
    else:
        chunks = chunked_by_side(lengths, queries, max_tokens, device)

    def represent(chunk: Chunk) -> Tensor:
        batch = pad(token_ids, chunk.rows, "right")
        side = {} if chunk.side is None else {"side": chunk.side}
        vectors: Tensor = model(
            batch.token_ids.to(device),
            batch.attention_mask.to(device),
            batch.unpooled.to(device),
            **side,
        )
        return vectors

    if len(chunks) == 1:
        vectors = represent(chunks[0])
        order = torch.tensor(chunks[0].rows, device=device).argsort()
        loss = loss_of(vectors[order])
        backward(loss)
        return loss.detach()

    states = []
    cached: Tensor | None = None
    with torch.no_grad():
        for chunk in chunks:
            states.append(_RandomState(device))
            vectors = represent(chunk)
            if cached is None:
                cached = vectors.new_zeros((len(token_ids), vectors.shape[1]))
            if chunk.counts:
                cached[chunk.rows] = vectors
    assert cached is not None
    cached.requires_grad_()
    with torch.enable_grad():
        loss = loss_of(cached)
    (gradients,) = torch.autograd.grad(loss, cached)
    for number, (chunk, state) in enumerate(zip(chunks, states, strict=True)):
        with nullcontext() if number == len(chunks) - 1 else no_sync():
            with state.restored():
                vectors = represent(chunk)
            share = (vectors * gradients[chunk.rows]).sum()
            backward(share if chunk.counts else 0.0 * share)
    return loss.detach()


class _RandomState:
    """State of the generators that dropout draws from, so that a pass can be repeated exactly."""

    def __init__(self, device: torch.device) -> None:
        self.cpu = torch.get_rng_state()
        self.devices = [device] if device.type == "cuda" else []
        self.cuda = [torch.cuda.get_rng_state(d) for d in self.devices]

    @contextmanager
    def restored(self) -> Iterator[None]:
        with torch.random.fork_rng(devices=[d.index or 0 for d in self.devices]):
            torch.set_rng_state(self.cpu)
            for device, state in zip(self.devices, self.cuda, strict=True):
                torch.cuda.set_rng_state(state, device)
            yield
