"""Sparse and dense retrieval encoders over decoder-only language models.

Needs PyTorch and Transformers, not Pyserini; :mod:`pyserini_ext` is the bridge to Pyserini.
"""

from typing import TYPE_CHECKING, Any

from llm_encoders.errors import EncoderError, UsageError

if TYPE_CHECKING:
    from llm_encoders.config import EncoderConfig
    from llm_encoders.encoding.dense_encoder import DenseEncoder
    from llm_encoders.encoding.loading import load_encoder
    from llm_encoders.encoding.lookup.files import load_lookup
    from llm_encoders.encoding.sparse_encoder import SparseEncoder

__version__ = "0.1.0"
__all__ = [
    "DenseEncoder",
    "EncoderConfig",
    "EncoderError",
    "SparseEncoder",
    "UsageError",
    "load_encoder",
    "load_lookup",
]
_HOMES = {
    "DenseEncoder": "encoding.dense_encoder",
    "EncoderConfig": "config",
    "SparseEncoder": "encoding.sparse_encoder",
    "load_encoder": "encoding.loading",
    "load_lookup": "encoding.lookup.files",
}


def __getattr__(name: str) -> Any:
    # PyTorch is imported only when an encoder is, so that names can be looked up cheaply.
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"llm_encoders.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'llm_encoders' has no attribute '{name}'")
