"""The teacher of a run: its queries' and passages' vectors, and what a student needs of it."""

import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tqdm import tqdm

from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.config import MODEL, QUERY_ENCODERS, EncoderConfig
from llm_encoders.data.passages import Passages
from llm_encoders.distill_query.queries.store import QueryStore
from llm_encoders.encoding.encoder import NotFiniteError
from llm_encoders.encoding.fingerprint import encoder_fingerprint
from llm_encoders.encoding.loading import load_encoder
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.resumable_batches import StoredRows, run_batches
from llm_encoders.train.recipe.errors import RecipeError, about

_BATCH = 512  # texts, among which those of like length share a batch of the encoder


class TeacherSide:
    """An encoder whose query side is imitated.

    Args:
        name: as the recipe has it, options in writing.
        device: where it computes; ``None`` for what the name says, or the best.
    """

    def __init__(self, name: str, device: str | None = None) -> None:
        self.name, self._device = name, device
        self._encoder: Any = None

    @property
    def encoder(self) -> Any:
        """The loaded encoder, until :meth:`release`."""
        if self._encoder is None:
            with about("teacher"):
                self._encoder = load_encoder(self.name, device=self._device)
        return self._encoder

    @property
    def query_tower(self) -> Any:
        """The loaded encoder of its queries, itself or one of two towers."""
        return getattr(self.encoder, "queries", self.encoder)

    @cached_property
    def identity(self) -> Teacher:
        """What ``teacher.json`` says of it."""
        return Teacher.of(self.encoder, self.name)

    @cached_property
    def files(self) -> Checkpoint:
        """The files of its query side."""
        files: Checkpoint = self.encoder.files
        return files.query or files

    @property
    def contract(self) -> EncoderConfig:
        """That of its query side."""
        return self.files.contract

    @property
    def paradigm(self) -> str:
        """``"sparse"`` or ``"dense"``."""
        return self.contract.paradigm

    @cached_property
    def width(self) -> int:
        """Components of a dense vector, or terms."""
        sparse = self.paradigm == "sparse"
        return len(self.encoder.vocabulary) if sparse else int(self.encoder.dimension)

    @cached_property
    def terms(self) -> list[str]:
        """The index term of every column; sparse only."""
        return list(self.encoder.vocabulary)

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """What its vectors depend on."""
        return encoder_fingerprint(self.name, self._device)

    def require_model(self, kind: str) -> Checkpoint:
        """The files of its query side, if that is a transformer.

        Args:
            kind: of student that is made of it, for the error.

        Raises:
            RecipeError: queries are looked up in a table, or encoded by an ONNX graph.
        """
        if self.contract.query_encoder in QUERY_ENCODERS and self.contract.query_encoder != MODEL:
            raise RecipeError(
                "student",
                f"{kind} needs a teacher whose queries a transformer encodes; those of "
                f"{self.name} are encoded by '{self.contract.query_encoder}'.",
            )
        return self.files

    def release(self) -> None:
        """Let go of the weights."""
        _ = self.identity, self.files, self.width
        if self.paradigm == "sparse":
            _ = self.terms
        self._encoder = None

    def query_vectors(self, queries: QueryStore, folder: Path) -> StoredRows:
        """Vectors of all queries, as a search would use them; computed once, resumable."""

        def compute(batch: slice) -> Any:
            texts = queries.texts(range(batch.start, batch.stop))
            try:
                return self.encoder.encode_queries(texts)
            except NotFiniteError as error:
                raise EncoderError(f"The query '{texts[error.row][:80]}': {error}") from None

        job = {"encoder": self.fingerprint, "of": queries.digest}
        return self._stored(folder, job, len(queries), compute, "query")

    def passage_vectors(
        self, passages: Passages, rows: Sequence[int], known: Any, folder: Path
    ) -> StoredRows:
        """Vectors of some passages by its document side; computed once, resumable.

        Args:
            passages: a store.
            rows: of it; the vectors are in this order.
            known: what the passages depend on, as JSON.
            folder: takes the vectors.

        Raises:
            UsageError: it has no document side.
        """

        def compute(batch: slice) -> Any:
            chosen = list(rows[batch])
            try:
                return self.encoder.encode_documents(*passages.texts(chosen))
            except NotFiniteError as error:
                (docid,) = passages.ids([chosen[error.row]])
                raise EncoderError(f"Passage '{docid}': {error}") from None

        if self.encoder.files.teacher is not None:
            raise UsageError(
                f"{self.name} encodes queries only, and candidates are passages; name its teacher "
                f"{self.encoder.files.teacher.name}, or leave candidates out."
            )
        job = {"encoder": self.fingerprint, "of": known}
        return self._stored(folder, job, len(rows), compute, "passage")

    def _stored(self, folder: Path, job: Any, count: int, compute: Any, unit: str) -> StoredRows:
        with tqdm(total=count, unit=unit, desc="teacher", file=sys.stderr) as bar:
            return run_batches(folder, job, count, _BATCH, compute, bar.update)
