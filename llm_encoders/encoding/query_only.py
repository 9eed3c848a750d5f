"""What lookup tables and ONNX graphs share: they run on the CPU and encode queries only."""

from abc import ABC, abstractmethod
from typing import Any, NoReturn

import numpy as np
from scipy.sparse import csr_array

from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.checkpoints.two_sides import require_passages
from llm_encoders.config import EncoderConfig
from llm_encoders.encoding.impacts import quantize, to_term_dicts
from llm_encoders.errors import UsageError


class QueryOnlyEncoder(ABC):
    """Goes wherever a query encoder goes; everything for passages is refused.

    Attributes:
        name: it is loaded by.
        config: the contract.
        files: what it was loaded from; ``None`` where it was not loaded from files.
        batch_size: largest number of queries that are computed together.
    """

    name: str
    config: EncoderConfig
    files: Checkpoint | None = None
    batch_size = 64
    device = "cpu"
    dtype = np.dtype(np.float32)

    @property
    @abstractmethod
    def vocabulary(self) -> list[str]:
        """The index term of every column; sparse only."""

    @abstractmethod
    def _use(self, config: EncoderConfig) -> None:
        """Encode by this contract from now on.

        Raises:
            UsageError: it asks for what the encoder cannot do.
        """

    def replace_prefix(self, side: str, prefix: str) -> None:
        """Put this before every query, as it is; see
        :meth:`llm_encoders.EncoderConfig.with_prefix`.

        Raises:
            UsageError: the prefix is that of passages, or one that the encoder cannot have.
        """
        if side == "passage":
            self.encode_documents()
        self._use(self.config.with_prefix(side, prefix))

    def encode_documents(self, *texts: Any, **options: Any) -> NoReturn:
        """Refuse passages.

        Raises:
            UsageError: always; names what encodes the passages.
        """
        require_passages(self.files)
        raise UsageError(f"{self.name} encodes queries only; encode passages with its teacher.")

    document_token_ids = encode_document_tokens = document_batches = encode_documents

    def quantize(self, vectors: csr_array) -> csr_array:
        """int32 impacts of encoded vectors, at the contract's impact scale."""
        return quantize(vectors, self.config.impact_scale)

    def impacts(self, vectors: csr_array) -> list[dict[str, int]]:
        """One ``{term: impact}`` a row of encoded vectors."""
        return to_term_dicts(self.quantize(vectors), self.vocabulary)
