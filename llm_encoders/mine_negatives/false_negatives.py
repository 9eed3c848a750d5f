"""Passages that may not become negatives of a query: the query itself, its positives, their copies.

Collections such as ArguAna and Quora ask with texts that are documents of the collection; others
hold a document twice under different ids. Taken as negatives, both would teach the opposite of
what is relevant.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from llm_encoders.data.passages import Passages


class Forbidden:
    """What one query forbids.

    Args:
        passages: the store.
        one: the query's prepared record.
    """

    def __init__(self, passages: Passages, one: dict[str, Any]) -> None:
        self._passages = passages
        self._rows = set(one["positives"])
        own = one.get("query_id")
        if own is not None and (row := passages.row(own)) is not None:
            self._rows.add(row)
        self._texts = {normalised(one["query"])}
        for text, title in zip(*passages.texts(one["positives"]), strict=True):
            self._texts |= _forms(text, title)
        self._texts.discard("")

    def allowed(self, rows: Iterable[int]) -> Iterator[int]:
        """The rows that may become negatives, in their order; texts are read one by one."""
        for row in rows:
            if row not in self._rows:
                (text,), (title,) = self._passages.texts([row])
                if not self._texts & _forms(text, title):
                    yield row


def _forms(text: str, title: str | None) -> set[str]:
    """The texts that a passage may be the same as: its body, and title with body."""
    return {normalised(text), normalised(f"{title} {text}" if title else text)}


def normalised(text: str) -> str:
    """A text without differences of case and white space."""
    return " ".join(text.casefold().split())
