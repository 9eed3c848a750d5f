"""Whether a graph gives PyTorch's vectors."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from llm_encoders.errors import EncoderError

TOLERANCE = 1e-4
LONGEST = 512
"""Tokens of the longest query whose vectors are compared: attention over tens of thousands would
take minutes."""
SAMPLES = (
    "a",
    "statins",
    "how do statins lower cholesterol",
    "What is the difference between TCP and UDP, and when is each of them used?",
    "café naïve ¿qué? 日本 42 % 3.14",
    "  two  blanks\tand a tab ",
    "",
)
_SENTENCE = "A longer question about trains, bread and the weather in spring. "


@dataclass(frozen=True)
class Agreement:
    """How far the vectors of two encoders are apart, over the sample queries."""

    difference: float
    """Largest difference of a component, divided by the largest component of all where that is
    above 1."""
    cosine: float
    """Lowest cosine similarity; 1 for two zero vectors."""
    tokens: int
    """Those of the longest query that was compared. Of longer ones nothing is known but that both
    encoders make the same tokens of them."""


def sample_queries(length: int) -> list[str]:
    """Queries of several lengths, up to beyond ``length`` tokens."""
    return [*SAMPLES, _SENTENCE * 2, _SENTENCE * (length // 4 + 1)]


def compare(encoder: Any, graph: Any) -> Agreement:
    """Compare the query vectors of an encoder with those of its graph.

    All sample queries are encoded together, then each alone, so that batches, padding and lengths
    differ. Where the encoder reads more than :data:`LONGEST` tokens, queries are cut to so many;
    only the tokens of longer ones are compared.

    Args:
        encoder: in PyTorch.
        graph: the same in ONNX, a query encoder.

    Raises:
        EncoderError: their tokens, or the number of their components, differ.
    """
    longest = encoder.max_length("query")
    _require_same_tokens(encoder, graph, sample_queries(longest))
    limit = min(longest, LONGEST)
    queries = sample_queries(limit)
    tokens = encoder.query_token_ids(queries, limit)
    expected = _array(encoder.encode_query_tokens(tokens))
    tokens = graph.query_token_ids(queries, limit)
    together = _array(graph.encode_query_tokens(tokens))
    alone = np.concatenate(
        [_array(graph.encode_queries([query], max_length=limit)) for query in queries]
    )
    if not expected.shape == together.shape == alone.shape:
        raise EncoderError(
            f"{encoder.name}: its vectors have the shape {expected.shape}, those of its graph "
            f"{together.shape}. Use the encoder without ONNX."
        )
    largest = max(1.0, float(np.abs(expected).max()))
    apart = [float(np.abs(found - expected).max()) / largest for found in (together, alone)]
    cosines = [_cosines(expected, found).min() for found in (together, alone)]
    return Agreement(max(apart), float(min(cosines)), max(map(len, tokens)))


def _require_same_tokens(encoder: Any, graph: Any, queries: list[str]) -> None:
    found = encoder.query_token_ids(queries), graph.query_token_ids(queries)
    for query, one, other in zip(queries, *found, strict=True):
        if list(one) != list(other):
            raise EncoderError(
                f"{encoder.name}: its tokenizer.json gives other tokens for the query "
                f"{query[:20]!r} than Transformers, so its graph would give other vectors. Use the "
                "encoder without ONNX."
            )


def _array(vectors: Any) -> np.ndarray:
    return np.asarray(vectors if isinstance(vectors, np.ndarray) else vectors.toarray())


def _cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of rows; 1 where both are zero, 0 where one of them is."""
    lengths = np.linalg.norm(one, axis=1), np.linalg.norm(other, axis=1)
    both = lengths[0] * lengths[1]
    products: np.ndarray = (one * other).sum(1) / np.where(both > 0, both, 1)
    products[(lengths[0] == 0) & (lengths[1] == 0)] = 1
    return products
