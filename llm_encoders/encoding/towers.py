"""Encoders whose queries and passages are not encoded by one model.

Either two towers stand in one folder, or the folder holds a query tower only, whose passages its
teacher encodes (ScalingNote, arXiv 2411.15766).
"""

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import torch
from scipy.sparse import csr_array

from llm_encoders.checkpoints.two_sides import require_own_teacher, require_passages
from llm_encoders.encoding.dense_encoder import DenseEncoder
from llm_encoders.encoding.encoder import Encoder, Vectors
from llm_encoders.encoding.sparse_encoder import SparseEncoder
from llm_encoders.errors import EncoderError


class QueryTower(Encoder[Vectors]):
    """Encodes queries for the index of its teacher; everything for passages is refused."""

    def require_teacher(self) -> None:
        """Refuse vectors that are not in the teacher's space, and a teacher of other weights.

        Raises:
            EncoderError: another dimension, or other index terms; the ``teacher.json`` of another
                query tower.
        """
        assert self.files is not None and self.files.teacher is not None
        require_own_teacher(self.files)
        if isinstance(self, SparseEncoder):
            self.files.teacher.require_vocabulary(self.vocabulary, self.name)
        elif isinstance(self, DenseEncoder):
            self.files.teacher.require_dimension(self.dimension, self.name)

    def document_token_ids(self, *texts: Any, **options: Any) -> NoReturn:
        """Refused; :meth:`encode_documents` comes here, too.

        Raises:
            UsageError: names the teacher.
        """
        self._refuse()

    def encode_document_tokens(self, token_ids: list[list[int]]) -> NoReturn:
        """As :meth:`document_token_ids`."""
        self._refuse()

    def document_batches(self, token_ids: list[list[int]], **options: Any) -> NoReturn:
        """As :meth:`document_token_ids`."""
        self._refuse()

    def replace_prefix(self, side: str, prefix: str) -> None:
        """See :meth:`Encoder.replace_prefix`; passages have none here."""
        if side == "passage":
            self._refuse()
        super().replace_prefix(side, prefix)

    def _refuse(self) -> NoReturn:
        require_passages(self.files)
        raise AssertionError("a query tower has a teacher")


class TwoTowers(Encoder[Vectors]):
    """The passage tower, which hands queries to the query tower.

    Both are in memory whole, also where they are two adapters on one backbone: an adapter is merged
    into the weights.
    """

    queries: Encoder[Vectors]
    """The query tower."""

    def add_queries(self, tower: Encoder[Vectors]) -> None:
        """Take this query tower.

        Raises:
            EncoderError: its vectors have another dimension or other index terms.
        """
        self.queries = tower
        self._require_fit()

    def _require_fit(self) -> None:
        for what in ("dimension", "vocabulary"):
            own, other = getattr(self, what, None), getattr(self.queries, what, None)
            if own != other:
                sizes = f"{own} and {other}" if isinstance(own, int) else "not the same"
                raise EncoderError(
                    f"{self.name}: {what} of the passage tower and of the query tower "
                    f"{self.queries.name}: {sizes}. The two do not belong together."
                )

    def query_token_ids(
        self, queries: Sequence[str], max_length: int | None = None
    ) -> list[list[int]]:
        """Token ids of queries by the query tower's tokenizer."""
        return self.queries.query_token_ids(queries, max_length)

    def encode_query_tokens(self, token_ids: list[list[int]]) -> Vectors:
        """Encode queries with the query tower; see :meth:`Encoder.encode_query_tokens`."""
        tower = self.queries
        tower.batch_size, tower.padding_side = self.batch_size, self.padding_side
        tower.batch_tokens = min(tower.batch_tokens, self.batch_tokens)
        return tower.encode_query_tokens(token_ids)

    def max_length(self, side: str) -> int:
        """See :meth:`Encoder.max_length`; that of a query is the query tower's."""
        return self.queries.max_length(side) if side == "query" else super().max_length(side)

    def cast(self, dtype: torch.dtype) -> None:
        """Compute in this number format from now on, in both towers."""
        super().cast(dtype)
        self.queries.cast(dtype)

    def compile(self) -> None:
        """Compile both backbones."""
        super().compile()
        self.queries.compile()

    def replace_config(self, **changes: Any) -> None:
        """Change fields of both contracts, those of passages in the passage tower's alone."""
        own = {key: value for key, value in changes.items() if not key.startswith("passage_")}
        before = self.queries.config, self.config
        try:
            self.queries.replace_config(**own)
            super().replace_config(**changes)
            self._require_fit()
        except EncoderError:
            self.queries.config, self.config = before
            raise

    def replace_prefix(self, side: str, prefix: str) -> None:
        """See :meth:`Encoder.replace_prefix`; that of queries goes to the query tower."""
        if side == "query":
            self.queries.replace_prefix(side, prefix)
        else:
            super().replace_prefix(side, prefix)


class SparseQueryTower(QueryTower[csr_array], SparseEncoder):
    """Queries to term weights over the teacher's vocabulary."""


class DenseQueryTower(QueryTower[np.ndarray], DenseEncoder):
    """Queries to vectors of the teacher's space."""


class SparseTowers(TwoTowers[csr_array], SparseEncoder):
    """Two towers over one vocabulary."""


class DenseTowers(TwoTowers[np.ndarray], DenseEncoder):
    """Two towers into one space."""
