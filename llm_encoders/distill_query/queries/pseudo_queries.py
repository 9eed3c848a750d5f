"""Pseudo-queries of a corpus: titles of its documents, and spans cropped from their texts."""

from collections.abc import Iterator

import numpy as np

from llm_encoders.corpora import Corpus, open_corpus
from llm_encoders.data.faults import refuse

Texts = Iterator[tuple[str, str]]


def titles(source: str) -> Texts:
    """Place and title of every document that has one."""
    for document in _documents(open_corpus(source)):
        if document[1]:
            yield document[0], document[1]


def crops(source: str, count: int, least: int, most: int, seed: int) -> Texts:
    """Spans of consecutive words, drawn at random from every document's text.

    They are pseudo-queries as in the inverse cloze task (arXiv 1906.00300, which takes sentences)
    and in independent cropping (arXiv 2112.09118). The length of a span is uniform from ``least``
    to ``most`` words, its place uniform in the text; a text of fewer than ``least`` words gives
    none, and one of fewer than ``most`` at most all its words. The same seed draws the same spans.

    Args:
        source: a corpus.
        count: spans a document.
        least, most: words of a span.
        seed: of the draws.
    """
    for number, (place, _, text) in enumerate(_documents(open_corpus(source))):
        words = text.split()
        if len(words) < least:
            continue
        generator = np.random.default_rng([seed, 4, number])
        for _ in range(count):
            length = int(generator.integers(least, min(most, len(words)) + 1))
            first = int(generator.integers(len(words) - length + 1))
            yield place, " ".join(words[first : first + length])


def _documents(corpus: Corpus) -> Iterator[tuple[str, str | None, str]]:
    """Place, title and text; a faulty document stops the reading."""
    for _, document in corpus.documents(refuse):
        yield document.place, document.title, document.text
