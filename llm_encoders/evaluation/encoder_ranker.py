"""Ranking by an encoder: passages are encoded once, then searched exhaustively in blocks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from llm_encoders.checkpoints.resolve import resolve_spec
from llm_encoders.checkpoints.two_sides import require_passages
from llm_encoders.data.passages import Passages, longest_first
from llm_encoders.encoding import fingerprint as vectors
from llm_encoders.encoding.encoder import NotFiniteError
from llm_encoders.encoding.loading import load_encoder
from llm_encoders.errors import EncoderError
from llm_encoders.evaluation.exhaustive_search import ExhaustiveSearch, dot_products
from llm_encoders.jobs.resumable_batches import Progress, StoredRows, run_batches

_SORTED = 2048  # passages among which those of like length share a batch
_BLOCK = 4096  # passages scored at a time
_LEAST, _QUERIES, _PAIRS = 100, 2000, 2 * 10**9  # of a window: 2,000 queries for 1 million passages


class EncoderRanker:
    """Ranks by dot product of vectors as the encoder's contract gives them, unquantised.

    Memory holds the scores of one block of passages for one window of queries; the vectors lie on
    the disk. A kill costs seconds of encoding, or the search of one window.

    Args:
        name: of the encoder.
        fingerprint: what its vectors depend on; see :func:`encoder_fingerprint`.
        passages: what is ranked.
        work: folder for the vectors.
        device: default the first GPU, else the CPU.
    """

    def __init__(
        self,
        name: str,
        fingerprint: dict[str, Any],
        passages: Passages,
        work: Path,
        device: str | None = None,
    ) -> None:
        self._encoder: Any = load_encoder(name, device=device)
        self._work, self._fingerprint = work, fingerprint
        self.window = max(_LEAST, min(_QUERIES, _PAIRS // max(1, len(passages))))
        self._rows = longest_first(passages, np.arange(len(passages)), _SORTED)
        job = {"encoder": fingerprint, "of": "passages"}
        with tqdm(total=len(passages), unit="passage", desc="encoding") as bar:
            self._passages: StoredRows = run_batches(
                work / "passages",
                job,
                len(passages),
                self._encoder.batch_size,
                lambda batch: self._documents(passages, batch),
                bar.update,
            )

    def _documents(self, passages: Passages, batch: slice) -> Any:
        rows = self._rows[batch].tolist()
        try:
            return self._encoder.encode_documents(*passages.texts(rows))
        except NotFiniteError as error:
            (docid,) = passages.ids([rows[error.row]])
            raise EncoderError(f"Passage '{docid}': {error}") from None

    def rank(
        self,
        queries: Sequence[str],
        depth: int,
        progress: Progress = lambda what, done, count: None,
    ) -> list[list[int]]:
        """Rows of the first ``depth`` passages for every query, best first; ``progress`` is told of
        every step."""
        asked = self._queries(queries, progress)
        vectors = asked.block(0, len(asked))
        # Of equal scores the earlier passage of the corpus comes first.
        found = ExhaustiveSearch(len(queries), -self._rows, depth)
        count = len(self._passages)
        for first in range(0, count, _BLOCK):
            block = self._passages.block(first, first + _BLOCK)
            sparse = not isinstance(block, np.ndarray)
            found.take(dot_products(vectors, block), first, positive_only=sparse)
            progress("passages searched", min(first + _BLOCK, count), count)
        return [self._rows[ranking.columns].tolist() for ranking in found.rankings()]

    def _queries(self, queries: Sequence[str], progress: Progress) -> StoredRows:
        done = 0

        def told(rows: int) -> None:
            nonlocal done
            done += rows
            progress("queries encoded", done, len(queries))

        job = {"encoder": self._fingerprint, "of": list(queries)}
        size = self._encoder.batch_size
        return run_batches(
            self._work / "queries",
            job,
            len(queries),
            size,
            lambda batch: self._encoder.encode_queries(list(queries[batch])),
            told,
        )


def encoder_fingerprint(name: str, device: str | None) -> dict[str, Any]:
    """What the vectors of an encoder that encodes passages depend on; loads no weights.

    Raises:
        UsageError: there is no such encoder, or it encodes queries only.
    """
    require_passages(resolve_spec(name)[0])
    return vectors.encoder_fingerprint(name, device)
