"""What every encoder does: texts in, batches through the backbone, vectors out in input order."""

import dataclasses
import logging
from abc import ABC, abstractmethod
from collections.abc import Container, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from llm_encoders.checkpoints.backbone import Backbone
from llm_encoders.checkpoints.backbone_checks import not_finite_cure
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.checkpoints.tokenizer import embedding_rows
from llm_encoders.config import FILE_KEYS, EncoderConfig
from llm_encoders.devices import dtype_name
from llm_encoders.encoding.batching import Batch, length_sorted, pad
from llm_encoders.encoding.budget import token_budget
from llm_encoders.encoding.tokens import require_room, tokenize_texts
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.heads.representation import pooled_tokens, represent

_log = logging.getLogger(__name__)

Vectors = TypeVar("Vectors", csr_array, np.ndarray)


class NotFiniteError(EncoderError):
    """A text gave NaN or infinite activations; ``row`` is its position in the input."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


class Encoder(ABC, Generic[Vectors]):
    """What sparse and dense encoders share: contract, batches, memory.

    A text's vector does not depend on the batch it is in, on padding or on order (float32: 1e-5).

    Attributes:
        name: the name it was loaded by.
        config: the encode contract.
        batch_size: largest number of texts in a batch.
        batch_tokens: largest number of tokens in a batch, padding included.
        padding_side: ``"right"`` or ``"left"``; the vectors are the same.
        files: what it was loaded from; ``None`` where it was not loaded from files.
    """

    batch_size = 64
    padding_side = "right"
    files: Checkpoint | None = None

    def __init__(self, name: str, config: EncoderConfig, backbone: Backbone) -> None:
        self.name = name
        self.config = config
        self.backbone = backbone
        self.batch_tokens = token_budget(backbone)
        self._rows = embedding_rows(backbone.decoder)
        if config.append_eos and backbone.tokenizer.eos_token_id is None:
            raise UsageError(f"{name}: append_eos is set, but its tokenizer has no EOS token.")
        require_room(backbone.tokenizer, config, self._positions, name)

    @property
    def device(self) -> torch.device:
        """Where the encoder computes."""
        return self.backbone.device

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the hidden states."""
        dtype: torch.dtype = self.backbone.decoder.dtype
        return dtype

    @property
    def parameters(self) -> int:
        """How many weights take part in encoding; those that are shared count once."""
        named = self.backbone.decoder.named_parameters()
        tensors = [weight for name, weight in named if not name.startswith("pooler.")]  # of BERT
        heads = (self.backbone.head, self.backbone.head_bias)
        tensors += [weight for weight in heads if weight is not None]
        tensors += [weight for layer in self.backbone.projections for weight in layer.parameters()]
        return sum({one.data_ptr(): one.numel() for one in tensors}.values())

    @property
    def _positions(self) -> int | None:
        """How many tokens the backbone reads, if it says so."""
        return self.backbone.positions

    def max_length(self, side: str) -> int:
        """Tokens of a ``"query"`` or ``"passage"``, at most: the contract's, or the backbone's."""
        length = self.config.side(side).max_length
        return length if self._positions is None else min(length, self._positions)

    def half(self) -> None:
        """Compute in float16 from now on; no effect on quantised backbones."""
        self.cast(torch.float16)

    def cast(self, dtype: torch.dtype) -> None:
        """Compute in this number format from now on; no effect on quantised backbones.

        Buffers keep theirs, as they do where weights are loaded in it: frequencies of rotary
        positions are not rounded.
        """
        if not getattr(self.backbone.decoder, "is_quantized", False):
            for weight in self.backbone.decoder.parameters():
                weight.data = weight.data.to(dtype)
            if self.backbone.head is not None:
                self.backbone.head = self.backbone.head.to(dtype)

    def replace_config(self, **changes: Any) -> None:
        """Change fields of the contract, e.g. a prefix; what was fixed at load stays fixed."""
        for name in ("paradigm", "attention", *FILE_KEYS):
            if changes.get(name, getattr(self.config, name)) != getattr(self.config, name):
                raise UsageError(f"{name} cannot be changed once {self.name} is loaded.")
        self._use(dataclasses.replace(self.config, **changes))

    def replace_prefix(self, side: str, prefix: str) -> None:
        """Put this before every ``"query"`` or every ``"passage"``, as it is, in place of all that
        the contract puts there: see :meth:`llm_encoders.EncoderConfig.with_prefix`."""
        self._use(self.config.with_prefix(side, prefix))

    def _use(self, config: EncoderConfig) -> None:
        require_room(self.backbone.tokenizer, config, self._positions, self.name)
        self.config = config

    def compile(self) -> None:
        """Compile the backbone with ``torch.compile``, for any batch shape."""
        self.backbone.decoder = torch.compile(self.backbone.decoder, dynamic=True)

    def query_token_ids(
        self, queries: Sequence[str], max_length: int | None = None
    ) -> list[list[int]]:
        """Token ids of queries, as :meth:`encode_queries` makes them."""
        token_ids = tokenize_texts(
            self.backbone.tokenizer,
            self.config,
            "query",
            self._positions,
            queries,
            max_length=max_length,
        )
        return self._with_rows(token_ids)

    def document_token_ids(
        self,
        texts: Sequence[str],
        titles: Sequence[str | None] | None = None,
        max_length: int | None = None,
        add_sep: bool = False,
    ) -> list[list[int]]:
        """Token ids of passages, as :meth:`encode_documents` makes them; needs no device."""
        token_ids = tokenize_texts(
            self.backbone.tokenizer,
            self.config,
            "passage",
            self._positions,
            texts,
            titles,
            max_length,
            add_sep,
        )
        return self._with_rows(token_ids)

    def _with_rows(self, token_ids: list[list[int]]) -> list[list[int]]:
        """The same, if the embeddings have a row for every token.

        Raises:
            EncoderError: a text holds a special token that they have none for; names both.
        """
        if len(self.backbone.tokenizer) <= self._rows:
            return token_ids
        for number, ids in enumerate(token_ids, start=1):
            if ids and max(ids) >= self._rows:
                token = self.backbone.tokenizer.convert_ids_to_tokens(max(ids))
                raise EncoderError(
                    f"{self.name}: text number {number} holds {token}, a special token that the "
                    "model has no embedding for; remove it from the text."
                )
        return token_ids

    def _outputs(
        self,
        token_ids: list[list[int]],
        only: Container[int] | None = None,
        not_finite: list[int] | None = None,
        done: Container[int] = (),
    ) -> Iterator[tuple[list[int], Any]]:
        """(rows, their vectors) of every batch.

        Where memory runs out, the token budget is halved, for good, and the rows left are batched
        again.
        """
        lengths = [len(ids) for ids in token_ids]
        waiting = [row for row in range(len(lengths)) if row not in done]
        while waiting:
            batches = length_sorted(lengths, self.batch_size, self.batch_tokens, waiting)
            waiting = []
            for number, rows in enumerate(batches):
                if only is not None and not any(row in only for row in rows):
                    continue
                try:
                    vectors, finite = self._vectors(pad(token_ids, rows, self.padding_side))
                except torch.OutOfMemoryError:
                    if len(rows) == 1:
                        raise
                    waiting = [row for batch in batches[number:] for row in batch]
                    size = len(rows) * max(lengths[row] for row in rows)
                    break
                self._note_not_finite(finite, rows, not_finite)
                yield rows, vectors
            if waiting:  # outside of the except clause, whose traceback holds on to tensors
                self._halve_budget(size)

    def _halve_budget(self, size: int) -> None:
        self.batch_tokens = max(1, min(self.batch_tokens, size) // 2)
        _log.warning(
            "%s ran out of memory: batches of at most %d tokens from now on.",
            self.device,
            self.batch_tokens,
        )
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _vectors(self, batch: Batch) -> tuple[Any, Tensor]:
        """Vectors of a batch, as they leave the device; bool [batch], whether each is finite."""
        ids, mask = batch.token_ids.to(self.device), batch.attention_mask.to(self.device)
        pooled = pooled_tokens(
            ids, mask, self.config, self.backbone.tokenizer, batch.unpooled.to(self.device)
        )
        states = self.backbone.hidden_states(ids, mask)  # [batch, length, hidden]
        model = self.backbone
        vectors = represent(
            states, pooled, self.config, model.head, model.projections, model.head_bias
        )
        # NaN need not survive a maximum, so states and vectors are both looked at.
        finite = (states.isfinite().all(2) | ~pooled).all(1) & vectors.isfinite().all(1)
        return self._off_device(vectors), finite

    def _note_not_finite(self, finite: Tensor, rows: list[int], found: list[int] | None) -> None:
        faulty = [row for row, good in zip(rows, finite.tolist(), strict=True) if not good]
        if found is not None:
            found += faulty
        elif faulty:
            raise NotFiniteError(
                faulty[0],
                f"{self.name}: text number {faulty[0] + 1} gave NaN or infinite activations in "
                f"{dtype_name(self.dtype)}. {not_finite_cure(self.dtype)}",
            )

    def encode_queries(self, queries: list[str], *, max_length: int | None = None) -> Vectors:
        """Encode queries.

        Args:
            queries: the texts, without prefix.
            max_length: tokens of a query, at most; default the contract's. The backbone may
                allow fewer.

        Returns:
            One row a query, in order: sparse float32 csr_array [queries, len(vocabulary)] of
            unquantised term weights, columns sorted; dense float32 array [queries, dimension].

        Raises:
            EncoderError: NaN or infinite activations; names the text.
        """
        return self.encode_query_tokens(self.query_token_ids(queries, max_length))

    def encode_query_tokens(self, token_ids: list[list[int]]) -> Vectors:
        """Encode queries that :meth:`query_token_ids` has tokenised, one list a query.

        Returns:
            As :meth:`encode_queries`.
        """
        return self._encode(token_ids, self.config.query_top_k)

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
            titles: one a text; ``None`` or empty for none. The contract's template joins title
                and text, by default a space.
            max_length: tokens of a passage, at most; default the contract's. The backbone may
                allow fewer.
            add_sep: join title and text by the tokenizer's template for text pairs instead.

        Returns:
            One row a text; as for :meth:`encode_queries`.

        Raises:
            EncoderError: NaN or infinite activations; names the text.
        """
        return self.encode_document_tokens(
            self.document_token_ids(texts, titles, max_length, add_sep)
        )

    def encode_document_tokens(self, token_ids: list[list[int]]) -> Vectors:
        """Encode passages that :meth:`document_token_ids` has tokenised, one list a passage.

        Returns:
            As :meth:`encode_documents`.
        """
        return self._encode(token_ids, self.config.passage_top_k)

    @torch.inference_mode()
    def document_batches(
        self,
        token_ids: list[list[int]],
        *,
        only: Container[int] | None = None,
        done: Container[int] = (),
    ) -> Iterator[tuple[list[int], Vectors, list[int]]]:
        """Encode passages that :meth:`document_token_ids` has tokenised, batch by batch.

        Args:
            token_ids: one list a passage.
            only: rows that are wanted. Batches are formed as for all rows, so that the wanted
                vectors have the same bits; those that hold no wanted row are left out.
            done: rows that are left out: all those of some earlier batches of the same passages.
                The others form the batches that they would have formed with them.

        Yields:
            The rows of a batch, their vectors in that order, and those of them with NaN or
            infinite activations, whose vectors are meaningless.
        """
        faulty: list[int] = []
        for rows, output in self._outputs(token_ids, only, faulty, done):
            yield (
                rows,
                self._collect(
                    iter([(list(range(len(rows))), output)]), len(rows), self.config.passage_top_k
                ),
                faulty.copy(),
            )
            faulty.clear()

    @abstractmethod
    def _off_device(self, vectors: Tensor) -> Any:
        """Vectors of a batch, [batch, vocabulary] or [batch, hidden], in the host's memory."""

    @torch.inference_mode()
    def _encode(self, token_ids: list[list[int]], top_k: int | None) -> Vectors:
        """Vectors of tokenised texts; ``top_k`` matters to sparse ones only."""
        return self._collect(self._outputs(token_ids), len(token_ids), top_k)

    @abstractmethod
    def _collect(
        self, outputs: Iterator[tuple[list[int], Any]], count: int, top_k: int | None
    ) -> Vectors:
        """Put the vectors of all batches into ``count`` rows."""
