"""An encoder under examination: loaded once, its probes encoded once."""

import gc
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_encoders.checkpoints.announcement import announce
from llm_encoders.checkpoints.resolve import Checkpoint, resolve_spec
from llm_encoders.checkpoints.two_sides import require_one_model
from llm_encoders.checks.probes import DOCUMENTS, FEW, QUERIES
from llm_encoders.checks.published import Published, published
from llm_encoders.config import EncoderConfig
from llm_encoders.devices import choose_device, choose_dtype
from llm_encoders.encoding.encoder import Encoder
from llm_encoders.encoding.loading import open_encoder
from llm_encoders.encoding.tokens import tokenize_texts
from llm_encoders.heads.representation import pooled_tokens


@dataclass
class Subject:
    """What the checks look at."""

    encoder: Encoder[Any]
    files: Checkpoint
    layers: int | None = None
    """Only so many layers were loaded; ``None`` for all."""
    without_adapter: np.ndarray | None = None
    """Vectors of the first documents by the model under the checkpoint's own adapter."""
    chosen_dtype: bool = False
    """Whether the user has named the number format, so that no other matters."""

    @property
    def contract(self) -> EncoderConfig:
        """The contract under examination; the encoder's own leaves top-k out."""
        return self.files.contract

    @property
    def tokenizer(self) -> Any:
        """The encoder's tokenizer."""
        return self.encoder.backbone.tokenizer

    @property
    def positions(self) -> int | None:
        """How many tokens the backbone reads, if it says so."""
        return self.encoder.backbone.positions

    @cached_property
    def published(self) -> Published | None:
        """What the publisher says, if anything."""
        return None if isinstance(self._published, str) else self._published

    @property
    def unpublished(self) -> str:
        """Why nothing is known of it but its contract."""
        return self._published if isinstance(self._published, str) else ""

    @cached_property
    def _published(self) -> Published | str:
        return published(self.files)

    @cached_property
    def document_ids(self) -> list[list[int]]:
        """Token ids of the documents."""
        return self.encoder.document_token_ids(DOCUMENTS)

    @cached_property
    def query_ids(self) -> list[list[int]]:
        """Token ids of the queries."""
        return self.encoder.query_token_ids(QUERIES)

    @cached_property
    def documents(self) -> np.ndarray:
        """Vectors of the documents, [documents, dimension], of sparse ones as well."""
        return self.encode(self.document_ids)

    @cached_property
    def queries(self) -> np.ndarray:
        """Vectors of the queries."""
        return rows(self.encoder.encode_queries(list(QUERIES)))

    def encode(self, token_ids: list[list[int]]) -> np.ndarray:
        """Vectors of passages by their token ids."""
        return rows(self.encoder.encode_document_tokens(token_ids))

    @torch.inference_mode()
    def states(self, token_ids: list[int]) -> tuple[Tensor, Tensor]:
        """Last hidden states of a passage, and which tokens are pooled.

        Returns:
            [1, length, hidden] in the encoder's dtype, and bool [1, length].
        """
        ids = torch.tensor([token_ids], device=self.encoder.device)
        mask = torch.ones_like(ids)
        unpooled = torch.tensor([getattr(token_ids, "unpooled", 0)], device=ids.device)
        pooled = pooled_tokens(ids, mask, self.contract, self.tokenizer, unpooled)
        return self.encoder.backbone.hidden_states(ids, mask), pooled

    def tokenized(self, contract: EncoderConfig, side: str, texts: list[str]) -> list[list[int]]:
        """Token ids of texts under another contract."""
        return tokenize_texts(self.tokenizer, contract, side, self.positions, texts)


def load_subject(spec: str, layers: int | None = None) -> Subject:
    """Load an encoder for examination: in float32, unless ``spec`` names another format.

    Raises:
        EncoderError: it does not load, as for :func:`llm_encoders.load_encoder`.
    """
    files, written = resolve_spec(spec)
    require_one_model(files, "examined")
    announce(files)
    device = choose_device(written.get("device"))
    quantization, named = written.get("quantization"), written.get("dtype")
    dtype = choose_dtype(named or (None if quantization else "float32"), device)
    without = None
    if files.adapter is not None:  # before the encoder itself, so that one is in memory at a time
        base = open_encoder(
            files, device, dtype, quantization=quantization, layers=layers, own_adapter=False
        )
        without = rows(base.encode_document_tokens(base.document_token_ids(DOCUMENTS[:FEW])))
        del base
        gc.collect()
    encoder = open_encoder(files, device, dtype, quantization=quantization, layers=layers)
    # Where weights are cut off, terms of nearly equal weight change places with the batch.
    encoder.replace_config(query_top_k=None, passage_top_k=None)
    encoder.batch_size = 1  # so that a fault of batching shows in its own check only
    return Subject(encoder, files, layers, without, named is not None or quantization is not None)


def rows(vectors: Any) -> np.ndarray:
    """Vectors as a dense float32 array."""
    found: np.ndarray = vectors.toarray() if hasattr(vectors, "toarray") else vectors
    return found


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cosine of every row of ``one`` with that row of ``other``; 0 where one is zero."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    norms = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    products = (one * other).sum(-1)
    found: np.ndarray = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
    return found


def relative_difference(one: np.ndarray, other: np.ndarray) -> float:
    """Largest ‖one − other‖ / ‖other‖ over the rows."""
    norms = np.linalg.norm(other, axis=1)
    return float((np.linalg.norm(one - other, axis=1) / np.maximum(norms, 1e-12)).max())
