"""Faulty documents: refused, or left out, counted and listed."""

from pathlib import Path

from llm_encoders.corpora import CorpusError
from llm_encoders.errors import UsageError

ON_ERROR = ("stop", "skip")


def refuse(fault: CorpusError) -> None:
    """For corpora in which no fault is tolerated."""
    raise fault


class LeftOut:
    """Takes the faults of a corpus.

    Args:
        on_error: ``stop`` raises the first fault; ``skip`` lists all.
        listing: takes the faults, one a line; made with the first of them.
        known_as: where the listing will lie in the end, for messages; default where it is.
    """

    def __init__(self, on_error: str, listing: Path, known_as: Path | None = None) -> None:
        if on_error not in ON_ERROR:
            raise UsageError(f"on_error is '{on_error}'; choose one of {', '.join(ON_ERROR)}.")
        self.on_error = on_error
        self.listing, self._known_as = listing, known_as or listing
        self.count = 0
        self.ids: set[str] = set()
        """Ids of the documents that were left out."""

    def __call__(self, fault: CorpusError) -> None:
        """Raise the fault, or list it."""
        if self.on_error == "stop":
            raise fault
        with self.listing.open("a", encoding="utf-8", errors="replace") as stream:
            stream.write(f"{fault}\n")
        self.count += 1
        if fault.docid is not None:
            self.ids.add(fault.docid)

    def summary(self, corpus: str) -> str:
        """What was left out, in a sentence."""
        return f"{corpus}: {self.count:,} faulty documents left out, listed in {self._known_as}."
