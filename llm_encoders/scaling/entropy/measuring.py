"""Encoding what is needed, in blocks that processes share, and the entropy of it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from tqdm import tqdm

from llm_encoders.data.passages import Passages
from llm_encoders.encoding.encoder import NotFiniteError
from llm_encoders.errors import EncoderError
from llm_encoders.evaluation.entropy import Entropy, Meter, Sample
from llm_encoders.train.gather import from_first, processes, rank

_BLOCK = 1024  # passages that are encoded and scored together, whatever the number of processes
_TIMEOUT = timedelta(days=1)  # one process checks the data while the others wait
_CPU = torch.device("cpu")


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that torchrun has started, if it has."""
    if "RANK" not in os.environ:
        yield
        return
    dist.init_process_group("gloo", timeout=_TIMEOUT)
    try:
        yield
    finally:
        dist.destroy_process_group()


@contextmanager
def shared_folder() -> Iterator[Path]:
    """A folder that all processes see, removed at the end."""
    if rank() != 0:
        yield Path(from_first("", _CPU))
        return
    with tempfile.TemporaryDirectory(prefix="contrastive-entropy-") as folder:
        from_first(folder, _CPU)
        yield Path(folder)


def wait_for_first(work: Any) -> None:
    """Let the first process do some work, while the others wait."""
    if rank() == 0:
        work()
    from_first(True, _CPU)


def measured(
    sample: Sample, passages: Passages, queries: Any, documents: Any, temperature: float
) -> Entropy | None:
    """The entropy of an encoder; the same on every process.

    Args:
        sample: what is measured.
        passages: its documents.
        queries: what encodes queries.
        documents: what encodes passages.
        temperature: divisor of scores.

    Returns:
        ``None`` where no pair has negatives.

    Raises:
        EncoderError: a text gives NaN or infinite activations; names it.
    """
    meter = Meter(sample, queries.encode_queries(sample.pairs.queries), temperature)
    needed = sample.needed
    blocks = range(0, len(needed), _BLOCK)
    with tqdm(total=len(needed), unit="passage", disable=rank() != 0) as bar:
        for turn in range(0, len(blocks), processes()):
            if turn + rank() < len(blocks):
                first = blocks[turn + rank()]
                rows = needed[first : first + _BLOCK]
                meter.take(_encoded(documents, passages, rows.tolist()), rows)
            bar.update(min(_BLOCK * processes(), len(needed) - turn * _BLOCK))
    if processes() > 1:
        dist.all_reduce(torch.from_numpy(meter.scores))  # every score is of one process
    return meter.entropy()


def _encoded(encoder: Any, passages: Passages, rows: list[int]) -> Any:
    try:
        return encoder.encode_documents(*passages.texts(rows))
    except NotFiniteError as error:
        (docid,) = passages.ids([rows[error.row]])
        raise EncoderError(f"Passage '{docid}': {error}") from None
