"""The inverse cloze task: a sentence is the query, the passage that it stood in the answer."""

import re
from collections.abc import Iterator

import numpy as np

from llm_encoders.data.pseudo_queries.draft import Draft

REMOVAL = 0.9
"""How often the passage loses the sentence (arXiv 1906.00300, section 9.2): in 90 % of the
examples, so that the model learns to match words as well."""
# After a full stop and white space, unless a lower-case letter follows; after a full stop of
# Chinese or Japanese; at a blank line.
_END = re.compile(
    "[.!?\u2026][\"'\u2019\u201d)\\]]*\\s+(?=[^\\sa-z])|[\u3002\uff01\uff1f][\u300d\u300f\u201d]*\\s*|\\s*\\n\\s*\\n\\s*"
)


def sentences(text: str) -> list[slice]:
    """Where the sentences of a text are, by its punctuation and blank lines.

    Together they are the whole text: each ends with the white space behind it. Abbreviations are
    not known, so that "Dr. Who" is two.
    """
    found: list[slice] = []
    first = 0
    for end in _END.finditer(text):
        if text[first : end.end()].strip():
            found.append(slice(first, end.end()))
            first = end.end()
    if text[first:].strip():
        found.append(slice(first, len(text)))
    return found


def inverse_cloze(
    text: str, count: int, removal: float, generator: np.random.Generator
) -> Iterator[Draft]:
    """Sentences of a text as queries (arXiv 1906.00300).

    The sentences differ, and each is as likely as any other. A text of a single sentence gives
    none: without it nothing would be left.

    Args:
        text: of a document.
        count: queries, at most.
        removal: how likely the passage loses the sentence.
        generator: of the draws.
    """
    found = sentences(text)
    if len(found) < 2:
        return
    for number in generator.permutation(len(found))[:count].tolist():
        span = found[number]
        removed = generator.random() < removal
        rest = (text[: span.start] + text[span.stop :]).strip()
        part = f"without-sentence-{number + 1}"
        yield Draft(text[span].strip(), rest, part) if removed else Draft(text[span].strip())
