"""Texts to single dense vectors."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

from llm_encoders.checkpoints.backbone import Backbone
from llm_encoders.config import EncoderConfig
from llm_encoders.encoding.encoder import Encoder
from llm_encoders.errors import UsageError


class DenseEncoder(Encoder[np.ndarray]):
    """Single-vector encoder over the backbone's last hidden states."""

    def __init__(self, name: str, config: EncoderConfig, backbone: Backbone) -> None:
        super().__init__(name, config, backbone)
        self._require_width(config)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.config.dimension or self._width(self.config)

    def _width(self, config: EncoderConfig) -> int:
        """Length of a vector before it is cut."""
        if self.backbone.projections:
            return int(self.backbone.projections[-1].linear.out_features)
        return self.backbone.hidden_size * len(config.pooling.split("+"))

    def _require_width(self, config: EncoderConfig) -> None:
        width = self._width(config)
        if config.dimension is not None and config.dimension > width:
            raise UsageError(
                f"{self.name}: dimension is {config.dimension:,}, but its vectors have {width:,} "
                "components."
            )

    def _use(self, config: EncoderConfig) -> None:
        self._require_width(config)
        super()._use(config)

    def _off_device(self, vectors: Tensor) -> np.ndarray:
        return vectors.cpu().numpy()

    def _collect(
        self, outputs: Iterator[tuple[list[int], Any]], count: int, top_k: int | None
    ) -> np.ndarray:
        vectors = np.zeros((count, self.dimension), dtype=np.float32)
        for rows, batch_vectors in outputs:
            vectors[rows] = batch_vectors
        return vectors
