"""An encoder of ours as a teacher."""

from typing import Any

import numpy as np

from llm_encoders.encoding.encoder import NotFiniteError
from llm_encoders.encoding.loading import load_encoder
from llm_encoders.teachers.base import Passage, require_finite
from llm_encoders.teachers.bi_encoder import BiEncoder


class OurEncoder(BiEncoder):
    """Sparse or dense vectors as the encoder's contract says, unquantised.

    Scores are divided by the contract's temperature, as they are in training, so that a student
    learns from the distribution that the teacher was trained to give.
    """

    def __init__(self, name: str, device: str | None, dtype: str, batch_size: int) -> None:
        self.encoder = load_encoder(name, device=device, dtype=dtype)
        self.encoder.batch_size = self.batch_size = batch_size

    def encode_queries(self, queries: list[str]) -> Any:
        """See :class:`BiEncoder`."""
        temperature = self.encoder.config.temperature
        assert temperature is not None  # contracts fill it in
        try:
            vectors = self.encoder.encode_queries(queries) / temperature
        except NotFiniteError as error:
            require_finite(np.nan, queries[error.row], None)
            raise
        return vectors.astype(np.float32)

    def encode_passages(self, passages: list[Passage]) -> Any:
        """See :class:`BiEncoder`."""
        texts, titles = [one.text for one in passages], [one.title for one in passages]
        try:
            return self.encoder.encode_documents(texts, titles)
        except NotFiniteError as error:
            require_finite(np.nan, "", passages[error.row])
            raise
