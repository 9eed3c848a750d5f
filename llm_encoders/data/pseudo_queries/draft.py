"""A query and the part of a document that answers it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Draft:
    """One query of a document."""

    query: str
    text: str | None = None
    """The passage, where it is not the document's whole text."""
    part: str = ""
    """Tells passages of one document apart, such as ``section-2``; empty for the whole text."""
