"""Sparse and dense encoders: texts in, vectors out, rows in input order."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from scipy.sparse import coo_array, csr_array
from torch import Tensor
from torch.nn.functional import normalize

from llm_encoders.backbone import Backbone
from llm_encoders.batching import Batch, length_sorted, pad, tokenize
from llm_encoders.config import EncoderConfig
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.impacts import keep_top_k, quantize, to_term_dicts
from llm_encoders.pooling import POOLING_FUNCTIONS
from llm_encoders.terms import index_terms
from llm_encoders.vocabulary_head import term_weights

_GPU_BATCH_TOKENS = 16384
# On a CPU the temporaries should stay below 32 MiB, from where on the C library returns every
# freed block to the system: 1.6 times the documents per second of 16,384 with the tiny models.
_CPU_BATCH_TOKENS = 2048

Vectors = TypeVar("Vectors", csr_array, np.ndarray)


class NotFiniteError(EncoderError):
    """A text gave NaN or infinite activations; ``row`` is its position in the input."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


class Encoder(ABC, Generic[Vectors]):
    """What sparse and dense encoders share: contract, tokenisation, batching.

    A text's vector does not depend on the batch it is in, on padding or on order (float32: 1e-5).

    Attributes:
        name: the name it was loaded by.
        config: the encode contract.
        batch_size: most texts a batch.
        batch_tokens: most tokens a batch, padding included.
        padding_side: ``"right"`` or ``"left"``; the vectors are the same.
    """

    batch_size = 64
    padding_side = "right"

    def __init__(self, name: str, config: EncoderConfig, backbone: Backbone) -> None:
        self.name = name
        self.config = config
        self.backbone = backbone
        self.batch_tokens = _GPU_BATCH_TOKENS if self.device.type == "cuda" else _CPU_BATCH_TOKENS
        if config.append_eos and backbone.tokenizer.eos_token_id is None:
            raise UsageError(f"{name}: append_eos is set, but its tokenizer has no EOS token.")

    @property
    def device(self) -> torch.device:
        """Where the encoder computes."""
        return self.backbone.device

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the hidden states."""
        return self.backbone.decoder.dtype

    def half(self) -> None:
        """Compute in float16 from now on; no effect on quantised backbones."""
        if not getattr(self.backbone.decoder, "is_quantized", False):
            self.backbone.decoder.half()
            if self.backbone.head is not None:
                self.backbone.head = self.backbone.head.half()

    def replace_config(self, **changes: Any) -> None:
        """Change fields of the contract, e.g. a prefix; what was fixed at load stays fixed."""
        for name in ("paradigm", "attention"):
            if changes.get(name, getattr(self.config, name)) != getattr(self.config, name):
                raise UsageError(f"{name} cannot be changed once {self.name} is loaded.")
        self.config = dataclasses.replace(self.config, **changes)

    def replace_prefixes(self, prefix: str) -> None:
        """Put this word before every text, with a space; the empty one stands for no prefix."""
        written = f"{prefix} " if prefix else ""
        self.replace_config(query_prefix=written, passage_prefix=written)

    def _query_token_ids(self, queries: Sequence[str], max_length: int | None) -> list[list[int]]:
        texts = [self.config.query_prefix + query for query in _checked(queries)]
        return self._tokenize(texts, None, _length(max_length, self.config.query_max_length))

    def _document_token_ids(
        self,
        texts: Sequence[str],
        titles: Sequence[str | None] | None,
        max_length: int | None,
        add_sep: bool,
    ) -> list[list[int]]:
        texts = _checked(texts)
        length = _length(max_length, self.config.passage_max_length)
        prefix = self.config.passage_prefix
        if titles is None:
            return self._tokenize([prefix + text for text in texts], None, length)
        if len(titles) != len(texts):
            raise UsageError(f"{len(texts)} texts but {len(titles)} titles; give one a text.")
        if add_sep:
            return self._tokenize([prefix + (title or "") for title in titles], texts, length)
        joined = [
            prefix + (f"{title} {text}" if title else text)
            for title, text in zip(titles, texts, strict=True)
        ]
        return self._tokenize(joined, None, length)

    def _tokenize(
        self, texts: list[str], pairs: Sequence[str] | None, max_length: int
    ) -> list[list[int]]:
        positions = getattr(self.backbone.decoder.config, "max_position_embeddings", max_length)
        return tokenize(
            self.backbone.tokenizer,
            texts,
            min(max_length, positions),
            pairs=pairs,
            append_eos=self.config.append_eos,
        )

    def _batches(self, token_ids: list[list[int]]) -> Iterator[Batch]:
        lengths = [len(ids) for ids in token_ids]
        for rows in length_sorted(lengths, self.batch_size, self.batch_tokens):
            yield pad(token_ids, rows, self.padding_side)

    def _states(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Hidden states [batch, length, hidden]; bool [batch, length], true where pooled."""
        ids, mask = batch.token_ids.to(self.device), batch.attention_mask.to(self.device)
        place = mask.cumsum(1)  # 1 at the first real token of a text
        pooled = mask.bool()
        tokenizer = self.backbone.tokenizer
        if not self.config.pool_bos:
            pooled = pooled & ~((place == 1) & (ids == tokenizer.bos_token_id))
        if not self.config.pool_eos:
            last = place == mask.sum(1, keepdim=True)
            pooled = pooled & ~(last & (ids == tokenizer.eos_token_id))
        return self.backbone.hidden_states(ids, mask), pooled

    def _require_finite(self, finite_rows: Tensor, batch: Batch) -> None:
        if not bool(finite_rows.all()):
            row = batch.rows[int((~finite_rows).nonzero()[0, 0])]
            raise NotFiniteError(
                row,
                f"{self.name}: text number {row + 1} gave NaN or infinite activations in "
                f"{self.dtype}; try bfloat16 or float32.",
            )

    def encode_queries(self, queries: list[str], *, max_length: int | None = None) -> Vectors:
        """Encode queries.

        Args:
            queries: the texts, without prefix.
            max_length: most tokens of a query; default the contract's, at most the backbone's.

        Returns:
            One row a query, in order: sparse float32 csr_array [queries, len(vocabulary)] of
            unquantised term weights, columns sorted; dense float32 array [queries, dimension].

        Raises:
            EncoderError: NaN or infinite activations; names the text.
        """
        return self._encode(self._query_token_ids(queries, max_length), self.config.query_top_k)

    def encode_documents(
        self,
        texts: list[str],
        titles: Sequence[str | None] | None = None,
        *,
        max_length: int | None = None,
        add_sep: bool = False,
    ) -> Vectors:
        """Encode passages.

        Args:
            texts: the bodies.
            titles: one a text, put before it with a space; ``None`` or empty for none.
            max_length: most tokens of a passage; default the contract's, at most the backbone's.
            add_sep: join title and text by the tokenizer's template for text pairs instead.

        Returns:
            One row a text; as for :meth:`encode_queries`.

        Raises:
            EncoderError: NaN or infinite activations; names the text.
        """
        token_ids = self._document_token_ids(texts, titles, max_length, add_sep)
        return self._encode(token_ids, self.config.passage_top_k)

    @abstractmethod
    def _encode(self, token_ids: list[list[int]], top_k: int | None) -> Vectors:
        """Vectors of tokenised texts; ``top_k`` matters to sparse ones only."""


class SparseEncoder(Encoder[csr_array]):
    """Learned sparse encoder over the LM head's vocabulary (SPLADE-max, arXiv 2109.10086)."""

    def __init__(self, name: str, config: EncoderConfig, backbone: Backbone) -> None:
        super().__init__(name, config, backbone)
        assert backbone.head is not None
        size = len(backbone.head)
        tokens = backbone.tokenizer.convert_ids_to_tokens(list(range(len(backbone.tokenizer))))
        self.vocabulary: list[str] = index_terms([*tokens, *[None] * size][:size])
        """The index term of every column."""

    def impacts(self, vectors: csr_array) -> list[dict[str, int]]:
        """One ``{term: impact}`` a row of encoded vectors, at the contract's impact scale."""
        return to_term_dicts(quantize(vectors, self.config.impact_scale), self.vocabulary)

    @torch.inference_mode()
    def _encode(self, token_ids: list[list[int]], top_k: int | None) -> csr_array:
        head = self.backbone.head
        assert head is not None
        scale = self.config.scale_of_logits(self.backbone.hidden_size)
        shape = (len(token_ids), len(self.vocabulary))
        rows, columns, values = [np.empty(0, np.int64)], [np.empty(0, np.int64)], []
        for batch in self._batches(token_ids):
            states, pooled = self._states(batch)
            weights = term_weights(states, pooled, head, scale)  # [batch, vocabulary]
            self._require_finite(weights.isfinite().all(1), batch)
            row, column = weights.nonzero(as_tuple=True)
            rows.append(np.asarray(batch.rows)[row.cpu().numpy()])
            columns.append(column.cpu().numpy())
            values.append(weights[row, column].cpu().numpy())
        data = np.concatenate([np.empty(0, np.float32), *values])
        vectors = coo_array((data, (np.concatenate(rows), np.concatenate(columns))), shape=shape)
        return keep_top_k(vectors.tocsr(), top_k)


class DenseEncoder(Encoder[np.ndarray]):
    """Single-vector encoder over the backbone's last hidden states."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.backbone.hidden_size

    @torch.inference_mode()
    def _encode(self, token_ids: list[list[int]], top_k: int | None) -> np.ndarray:
        vectors = np.zeros((len(token_ids), self.dimension), dtype=np.float32)
        pool = POOLING_FUNCTIONS[self.config.pooling]
        for batch in self._batches(token_ids):
            states, pooled = self._states(batch)
            pooled_states = pool(states.float(), pooled)  # [batch, hidden]
            if self.config.normalize:
                pooled_states = normalize(pooled_states, dim=-1)
            self._require_finite(pooled_states.isfinite().all(1), batch)
            vectors[batch.rows] = pooled_states.cpu().numpy()
        return vectors


def _checked(texts: Sequence[str]) -> Sequence[str]:
    """A bare string would be encoded letter by letter; refuse it."""
    if isinstance(texts, str):
        raise UsageError("Give a list of texts, not one string.")
    return texts


def _length(given: int | None, default: int) -> int:
    return default if given is None else given
