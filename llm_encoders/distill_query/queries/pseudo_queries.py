"""Pseudo-queries of a corpus: titles of its documents, and spans cropped from their texts."""

from collections.abc import Iterator

import numpy as np

from llm_encoders.corpora import Corpus, open_corpus
from llm_encoders.data import pseudo_queries
from llm_encoders.data.faults import refuse

Texts = Iterator[tuple[str, str]]


def titles(source: str) -> Texts:
    """Place and title of every document that has one."""
    for document in _documents(open_corpus(source)):
        if document[1]:
            yield document[0], document[1]


def crops(source: str, count: int, least: int, most: int, seed: int) -> Texts:
    """Spans of every document's text; see :func:`llm_encoders.data.pseudo_queries.crops`.

    Args:
        source: a corpus.
        count: spans a document.
        least, most: words of a span.
        seed: of the draws; the same seed draws the same spans.
    """
    for number, (place, _, text) in enumerate(_documents(open_corpus(source))):
        generator = np.random.default_rng([seed, 4, number])
        for span in pseudo_queries.crops(text, count, least, most, generator):
            yield place, span


def _documents(corpus: Corpus) -> Iterator[tuple[str, str | None, str]]:
    """Place, title and text; a faulty document stops the reading."""
    for _, document in corpus.documents(refuse):
        yield document.place, document.title, document.text
