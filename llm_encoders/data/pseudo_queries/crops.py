"""Spans of consecutive words."""

from collections.abc import Iterator

import numpy as np


def crops(
    text: str, count: int, least: int, most: int, generator: np.random.Generator
) -> Iterator[str]:
    """Spans of consecutive words, drawn at random.

    They are pseudo-queries as in the inverse cloze task (arXiv 1906.00300, which takes sentences)
    and in independent cropping (arXiv 2112.09118). The length of a span is uniform from ``least``
    to ``most`` words, its place uniform in the text; a text of fewer than ``least`` words gives
    none, and one of fewer than ``most`` at most all its words.

    Args:
        text: of a document.
        count: spans.
        least, most: words of a span.
        generator: of the draws.
    """
    words = text.split()
    if len(words) < least:
        return
    for _ in range(count):
        length = int(generator.integers(least, min(most, len(words)) + 1))
        first = int(generator.integers(len(words) - length + 1))
        yield " ".join(words[first : first + length])
