"""Faulty documents: refused, or left out, counted and listed."""

from pathlib import Path

from llm_encoders.corpora import CorpusError
from llm_encoders.errors import EncoderError, UsageError

ON_ERROR = ("stop", "skip")


def refuse(fault: CorpusError) -> None:
    """For corpora in which no fault is tolerated."""
    raise fault


class LeftOut:
    """Takes the faults of a corpus.

    Args:
        on_error: ``stop`` raises the first fault; ``skip`` lists all.
        listing: takes the faults, one a line; an earlier list is replaced. ``None``
            lists nothing.
        known_as: where messages say that the list lies; by default ``listing``.
    """

    def __init__(self, on_error: str, listing: Path | None, known_as: Path | None = None) -> None:
        if on_error not in ON_ERROR:
            raise UsageError(f"on_error is '{on_error}'; choose one of {', '.join(ON_ERROR)}.")
        self.on_error = on_error
        self.listing, self._known_as = listing, known_as or listing
        self._seen: set[str] = set()
        self.ids: set[str] = set()
        """Ids of the documents that were left out."""

    def __call__(self, fault: CorpusError) -> None:
        """Raise the fault, or list it."""
        if self.on_error == "stop":
            raise EncoderError(
                f"{fault} Correct it, or let faulty documents be skipped (on_error: skip)."
            )
        if str(fault) in self._seen:  # a corpus that is read twice
            return
        if self.listing is not None:
            self.listing.parent.mkdir(parents=True, exist_ok=True)
            mode = "a" if self.count else "w"
            with self.listing.open(mode, encoding="utf-8", errors="replace") as stream:
                stream.write(f"{fault}\n")
        self._seen.add(str(fault))
        if fault.docid is not None:
            self.ids.add(fault.docid)

    @property
    def count(self) -> int:
        """Different faults."""
        return len(self._seen)

    def summary(self, corpus: str) -> str:
        """What was left out, in a sentence."""
        return f"{corpus}: faulty documents left out: {self.count:,}, listed in {self._known_as}."
