"""What a lookup table takes over from its teacher: contract, tokenizer, and a row for each token.

Nothing here imports PyTorch; the teacher, an encoder that is loaded, has done so.
"""

from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from llm_encoders.checkpoints.fingerprint import weights_digest
from llm_encoders.checkpoints.tokenizer import embedding_rows
from llm_encoders.config import LOOKUP, TEACHER, EncoderConfig
from llm_encoders.encoding.lookup.query_encoder import special_ids
from llm_encoders.encoding.tokens import TokenIds
from llm_encoders.errors import UsageError
from llm_encoders.jobs.resumable_batches import run_batches

_PROBES = ("a", "7", "the", "Is it?", "–")
"""Queries that have no token in common."""


def lookup_contract(teacher: Any, *, counts: bool = False) -> EncoderConfig:
    """The contract of a lookup table that stands for the query side of ``teacher``.

    A query is cut where the teacher would cut it: its special tokens, prefix and suffix count in
    the teacher's maximum length, but the table has none.

    Args:
        teacher: an encoder of this package.
        counts: sparse only; whether occurrences of a token count.
    """
    side = query_side(teacher)
    its, length = side.config, side.max_length("query") - _Place(side).tokens
    if its.query_text_max_length is not None:
        length = min(length, its.query_text_max_length)
    return EncoderConfig(
        its.paradigm,
        query_encoder=LOOKUP,
        passage_encoder=TEACHER,
        lookup_counts=counts,
        special_tokens=False,
        normalize=its.normalize,
        strip=its.strip,
        lowercase=its.lowercase,
        query_max_length=max(1, length),
        impact_scale=its.impact_scale,
        temperature=its.temperature,
    )


def query_side(teacher: Any) -> Any:
    """The encoder of the queries: the query tower of two, else the encoder itself."""
    return getattr(teacher, "queries", teacher)


def teacher_tokenizer(teacher: Any) -> Tokenizer:
    """The teacher's tokenizer as it works at this moment, for :func:`write_lookup`.

    Raises:
        UsageError: it is none of the library tokenizers.
    """
    side = query_side(teacher)
    given = side.backbone.tokenizer
    backend = getattr(given, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise UsageError(
            f"{teacher.name}: its tokenizer, {type(given).__name__}, cannot be written as "
            "tokenizer.json, which a lookup table needs. Choose another teacher."
        )
    tokenizer = Tokenizer.from_str(backend.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if given.truncation_side == "left":
        tokenizer.enable_truncation(side.max_length("query"), direction="left")
    return tokenizer


def teacher_rows(
    teacher: Any,
    folder: Path,
    *,
    batch_size: int = 64,
    rows_done: Callable[[int], Any] = lambda rows: None,
) -> np.ndarray:
    """A row for each token, from the teacher's vector of a query of this token alone.

    Sparse: the weight that the query has for its own token, the diagonal of the teacher's
    vectors. Dense: the query's vector, as LightRetriever fills its table (arXiv 2505.12260).

    Args:
        teacher: an encoder of this package.
        folder: takes what has been computed, so that a run that was killed resumes.
        batch_size: queries encoded together.
        rows_done: told how many rows each batch has.

    Returns:
        float32 [vocabulary] or [vocabulary, dimension]; rows of special tokens, and of ids that
        stand for no token, are zero.

    Raises:
        UsageError: the teacher's terms are not the tokens of its tokenizer.
        EncoderError: NaN or infinite activations.
        OSError: the folder cannot be written.
    """
    side = query_side(teacher)
    if side.config.vocabulary_head is not None:
        raise UsageError(
            f"{teacher.name}: its terms are those of '{side.config.vocabulary_head}', and not the "
            "tokens of its tokenizer, so a token has no weight of its own. Choose another initial "
            "table."
        )
    tokenizer, sparse = teacher_tokenizer(teacher), side.config.paradigm == "sparse"
    tokens = len(side.vocabulary) if sparse else max(tokenizer.get_vocab().values()) + 1
    known = min(tokens, embedding_rows(side.backbone.decoder))  # others are special
    place = _Place(side)

    def compute(batch: slice) -> np.ndarray:
        own = range(known)[batch]
        vectors: Any = side.encode_query_tokens([place.with_token(token) for token in own])
        rows: np.ndarray = vectors[np.arange(len(own)), list(own)][:, None] if sparse else vectors
        return rows

    job = {
        "teacher": weights_digest(side.files) if side.files else side.name,
        "contract": side.config.text(),
        "number format": str(side.dtype),
    }
    stored = run_batches(folder, job, known, batch_size, compute, rows_done)
    found = np.asarray(stored.block(0, known))
    rows = np.zeros((tokens, found.shape[1]), dtype=np.float32)
    rows[:known] = found
    absent = {i for i in range(tokens) if tokenizer.id_to_token(i) is None}
    rows[sorted(absent.union(i for i in special_ids(tokenizer) if i < tokens))] = 0
    return rows[:, 0] if sparse else rows


class _Place:
    """Where the text of a query stands among the token ids that the teacher makes: between what
    all queries begin and end with."""

    def __init__(self, teacher: Any) -> None:
        probes = teacher.query_token_ids(list(_PROBES))
        self._unpooled = getattr(probes[0], "unpooled", 0)
        self._before = _common(probes)
        rest = [ids[len(self._before) :][::-1] for ids in probes]
        self._after = _common(rest)[::-1]

    @property
    def tokens(self) -> int:
        """How many tokens every query has."""
        return len(self._before) + len(self._after)

    def with_token(self, token: int) -> TokenIds:
        ids = TokenIds([*self._before, token, *self._after])
        ids.unpooled = self._unpooled
        return ids


def _common(lists: list[list[int]]) -> list[int]:
    """What all lists begin with."""
    columns = zip(*lists, strict=False)
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]
