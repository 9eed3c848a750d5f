"""The four Pyserini encoder classes, by the name that users import them by."""

from pyserini_ext.bridge.encoders import (
    LlmDenseDocumentEncoder,
    LlmDenseQueryEncoder,
    LlmSpladeDocumentEncoder,
    LlmSpladeQueryEncoder,
)

__all__ = [
    "LlmDenseDocumentEncoder",
    "LlmDenseQueryEncoder",
    "LlmSpladeDocumentEncoder",
    "LlmSpladeQueryEncoder",
]
