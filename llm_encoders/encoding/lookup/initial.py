"""Weights to begin with, or to use as they are: plain functions over a tokenizer's vocabulary."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from tokenizers import Tokenizer

from llm_encoders.config import EncoderConfig
from llm_encoders.encoding.lookup.query_encoder import special_ids
from llm_encoders.encoding.tokens import cleaned
from llm_encoders.errors import EncoderError

_BATCH = 256


def ones(tokenizer: Tokenizer, size: int) -> np.ndarray:
    """Weight 1 for every term, 0 for special tokens.

    With ``lookup_counts``, queries are counts of token ids, as on the sparse query side of
    LightRetriever (arXiv 2505.12260); without, they are sets of tokens.

    Returns:
        float32 [size].
    """
    weights = np.ones(size, dtype=np.float32)
    weights[[number for number in special_ids(tokenizer) if number < size]] = 0
    return weights


def idf(
    tokenizer: Tokenizer, size: int, texts: Iterable[str], contract: EncoderConfig
) -> np.ndarray:
    """Inverse document frequencies: ln(1 + (N - n + 0.5) / (n + 0.5)).

    N is the number of texts and n that of those with the term. This is the idf of BM25
    (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009) with 1 added in the
    logarithm, as Lucene has it, so that no weight is negative. As query side of a learned sparse
    encoder: arXiv 2411.04403.

    Args:
        tokenizer: gives the terms of a text.
        size: number of terms.
        texts: of the corpus, not cut; read once, a few at a time.
        contract: of the table, whose ``strip`` and ``lowercase`` hold for the texts, too.

    Returns:
        float32 [size]; 0 for special tokens.

    Raises:
        EncoderError: there is no text.
    """
    plain = (cleaned(text, contract) for text in texts)
    count, having = document_frequencies(tokenizer, size, plain)
    if not count:
        raise EncoderError("The corpus holds no texts, so no term has an idf; name another one.")
    weights: np.ndarray = np.log1p((count - having + 0.5) / (having + 0.5)).astype(np.float32)
    weights[ones(tokenizer, size) == 0] = 0
    return weights


def document_frequencies(
    tokenizer: Tokenizer, size: int, texts: Iterable[str]
) -> tuple[int, np.ndarray]:
    """The number of texts, and int64 [size]: in how many of them each token occurs."""
    whole = Tokenizer.from_str(tokenizer.to_str())
    whole.no_truncation()
    count, having = 0, np.zeros(size, dtype=np.int64)
    for some in _batches(texts):
        count += len(some)
        for one in whole.encode_batch_fast(some, add_special_tokens=False):
            having[np.unique(np.asarray(one.ids, dtype=np.int64))] += 1
    return count, having


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(texts)
    while some := list(islice(rest, _BATCH)):
        yield some
