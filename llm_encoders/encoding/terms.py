"""Index terms: the tokenizer's own strings, made injective and safe for Lucene's analyzer.

Byte-level BPE strings ('Ġcat', 'Ċ') hold no whitespace and pass unchanged. SentencePiece entries
may hold U+3000 or line breaks, or be longer than the 255 characters at which Lucene cuts a token;
such an entry becomes '[token:ID]'.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

LUCENE_MAX_TOKEN_LENGTH = 255  # UTF-16 units; WhitespaceTokenizer splits longer tokens
_NO_BREAK_SPACES = "\u00a0\u2007\u202f"  # Java's Character.isWhitespace excludes these
_JAVA_CONTROL_WHITESPACE = set(map(chr, (*range(0x09, 0x0E), *range(0x1C, 0x20))))


def is_java_whitespace(character: str) -> bool:
    """Whether Java's ``Character.isWhitespace`` holds for the character."""
    if character in _JAVA_CONTROL_WHITESPACE:
        return True
    separator = unicodedata.category(character) in ("Zs", "Zl", "Zp")
    return separator and character not in _NO_BREAK_SPACES


def is_safe_term(term: str) -> bool:
    """Whether Lucene's whitespace analyzer indexes the string as exactly one, unchanged term."""
    if 0 < len(term) <= LUCENE_MAX_TOKEN_LENGTH // 2 and term.isprintable() and " " not in term:
        return True  # no other whitespace, control character or surrogate is printable
    if not term or any(is_java_whitespace(c) or c.isspace() for c in term):
        return False  # Python's notion counts where Pyserini splits encoded queries
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in term):
        return False
    return len(term.encode("utf-16-le")) // 2 <= LUCENE_MAX_TOKEN_LENGTH


def index_terms(tokens: Sequence[str | None]) -> list[str]:
    """Return one distinct, safe term for every token string (``None``: an id without a token).

    A token that is safe and occurs once keeps its string; every other becomes ``[token:ID]``,
    with more brackets where the vocabulary holds that string already.
    """
    counts = Counter(tokens)
    keeps = [t is not None and counts[t] == 1 and is_safe_term(t) for t in tokens]
    taken = {token for token, kept in zip(tokens, keeps, strict=True) if kept}
    terms = []
    for token_id, (token, kept) in enumerate(zip(tokens, keeps, strict=True)):
        term = token if kept and token is not None else f"[token:{token_id}]"
        while not kept and term in taken:
            term = f"[{term}]"
        terms.append(term)
    return terms


def vocabulary_terms(tokenizer: Any, size: int) -> list[str]:
    """The index term of every column of a head with ``size`` rows."""
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    return index_terms([*tokens, *[None] * size][:size])
