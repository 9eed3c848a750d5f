"""Texts to single dense vectors."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn.functional import normalize

from llm_encoders.batching import Batch
from llm_encoders.encoder import Encoder
from llm_encoders.pooling import POOLING_FUNCTIONS


class DenseEncoder(Encoder[np.ndarray]):
    """Single-vector encoder over the backbone's last hidden states."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.backbone.hidden_size

    def _vectors(self, batch: Batch) -> tuple[Tensor, Tensor]:
        states, pooled = self._states(batch)
        vectors = POOLING_FUNCTIONS[self.config.pooling](states.float(), pooled)  # [batch, hidden]
        if self.config.normalize:
            vectors = normalize(vectors, dim=-1)
        return vectors, vectors.isfinite().all(1)

    def _collect(
        self, outputs: Iterator[tuple[list[int], Any]], count: int, top_k: int | None
    ) -> np.ndarray:
        vectors = np.zeros((count, self.dimension), dtype=np.float32)
        for rows, batch_vectors in outputs:
            vectors[rows] = batch_vectors.cpu().numpy()
        return vectors
