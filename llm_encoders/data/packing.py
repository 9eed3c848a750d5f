"""Texts packed into rows of equal length, as language models are usually trained on them.

The rule is that of ``group_texts`` in the Transformers example ``run_mlm.py``, which the code
released with arXiv 2502.15526 trains by: the tokens of 1,000 texts, special tokens included, are
put one behind the other and cut into rows; what is left of the 1,000 is dropped. A text begins
with its BOS token, often in the middle of a row, and attention crosses from text to text.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from llm_encoders.data.passages import Passages
from llm_encoders.errors import EncoderError
from llm_encoders.jobs.atomic import atomic_file, write_atomically
from llm_encoders.reading import read_record

GROUP = 1_000
"""Texts that are put one behind the other."""
_ROWS, _RECORD = "packed.tokens", "packed.json"
_TOKEN = np.dtype("<u4")


def pack(token_ids: Iterable[Sequence[int]], length: int) -> Iterator[list[int]]:
    """Rows of exactly ``length`` tokens.

    Args:
        token_ids: of every text, special tokens included, not cut.
        length: tokens of a row.
    """
    group: list[int] = []
    for number, ids in enumerate(token_ids, start=1):
        group += ids
        if number % GROUP == 0:
            yield from _rows(group, length)
            group = []
    yield from _rows(group, length)


def _rows(tokens: list[int], length: int) -> Iterator[list[int]]:
    for end in range(length, len(tokens) + 1, length):
        yield tokens[end - length : end]


class PackedRows:
    """Rows of a memory-mapped file; can be sent to other processes."""

    def __init__(self, path: Path, length: int) -> None:
        self.path, self.length = path, length
        self._tokens: np.ndarray | None = None

    def __len__(self) -> int:
        return self.path.stat().st_size // (self.length * _TOKEN.itemsize)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_tokens": None}

    def token_ids(self, rows: Sequence[int]) -> list[list[int]]:
        """Token ids of the rows of these numbers."""
        if self._tokens is None:
            self._tokens = np.memmap(self.path, _TOKEN, "r").reshape(-1, self.length)
        return [self._tokens[row].tolist() for row in rows]


def prepare_packed(passages: Passages, tokenizer: Any, length: int, folder: Path) -> PackedRows:
    """Tokenise and pack all passages, or open what an earlier run made of them.

    Args:
        passages: a passage with a title has it in front, with a space between.
        tokenizer: a Transformers tokenizer.
        length: tokens of a row.
        folder: of the prepared passages; goes when they change.

    Raises:
        EncoderError: there are too few tokens for one row.
    """
    path, record = folder / _ROWS, folder / _RECORD
    fingerprint = {"length": length, "tokenizer": _fingerprint(tokenizer)}
    rows = PackedRows(path, length)
    if not (path.is_file() and read_record(record) == {**fingerprint, "rows": len(rows)}):
        record.unlink(missing_ok=True)
        print(f"Packing {len(passages):,} passages into rows of {length:,} tokens.", flush=True)
        with atomic_file(path) as stream:
            for row in pack(_tokenised(passages, tokenizer), length):
                stream.write(np.array(row, _TOKEN).tobytes())
        write_atomically(record, json.dumps({**fingerprint, "rows": len(rows)}))
    if not len(rows):
        raise EncoderError(
            f"{len(passages):,} passages do not fill a row of {length:,} tokens. Set mntp.packing "
            "to false, which takes one passage a row, or lower mntp.max_length."
        )
    return rows


def _tokenised(passages: Passages, tokenizer: Any) -> Iterator[list[int]]:
    for first in range(0, len(passages), GROUP):
        texts, titles = passages.texts(range(first, min(len(passages), first + GROUP)))
        joined = [f"{title} {text}" if title else text
                  for title, text in zip(titles, texts, strict=True)]  # fmt: skip
        yield from tokenizer(joined, truncation=False, return_attention_mask=False, verbose=False)[
            "input_ids"
        ]


def _fingerprint(tokenizer: Any) -> str:
    vocabulary = sorted(tokenizer.get_vocab().items())
    sample = tokenizer("What a tokenizer makes of a text, with its special tokens.")["input_ids"]
    return hashlib.sha256(json.dumps([vocabulary, sample]).encode()).hexdigest()
