"""Texts to single dense vectors."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

from llm_encoders.encoding.encoder import Encoder


class DenseEncoder(Encoder[np.ndarray]):
    """Single-vector encoder over the backbone's last hidden states."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        width = self.backbone.hidden_size * len(self.config.pooling.split("+"))
        if self.backbone.projections:
            width = self.backbone.projections[-1].linear.out_features
        return min(width, self.config.dimension or width)

    def _off_device(self, vectors: Tensor) -> np.ndarray:
        return vectors.cpu().numpy()

    def _collect(
        self, outputs: Iterator[tuple[list[int], Any]], count: int, top_k: int | None
    ) -> np.ndarray:
        vectors = np.zeros((count, self.dimension), dtype=np.float32)
        for rows, batch_vectors in outputs:
            vectors[rows] = batch_vectors
        return vectors
