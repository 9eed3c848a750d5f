"""A training example: one query with its passages."""

from dataclasses import dataclass

from llm_encoders.corpora import CorpusError


class TrainingDataError(CorpusError):
    """A record that cannot be trained on; names file and line."""


@dataclass(frozen=True)
class Inline:
    """A passage that the training file carries itself."""

    docid: str | None
    title: str | None
    text: str


@dataclass(frozen=True)
class Example:
    """One query with its passages, by id or in full."""

    query: str
    positives: list[str | Inline]
    negatives: list[str | Inline]
    positive_scores: list[float] | None = None
    """Teacher scores, one a positive."""
    negative_scores: list[float] | None = None
    id: str | None = None
    """The query's."""
    unused: tuple[str, ...] = ()
    """Keys of the record that nothing reads."""


def numbered_per_record(one: Example) -> bool:
    """Whether a record's own passages are numbered from 0 or 1 on, so that ids say nothing.

    The numbers run through positives and negatives, or start again with the negatives.
    """
    carried = [
        [p.docid for p in ps if isinstance(p, Inline)] for ps in (one.positives, one.negatives)
    ]

    def counts(ids: list[str | None]) -> bool:
        return any(ids == [str(n) for n in range(least, least + len(ids))] for least in (0, 1))

    return counts(carried[0] + carried[1]) or (counts(carried[0]) and counts(carried[1]))


def require_whole(one: Example, place: str) -> None:
    """Refuse an example without a query or a positive, or with scores of the wrong length.

    Raises:
        TrainingDataError: it is one.
    """
    if not one.query.strip():
        raise TrainingDataError(place, "the query is empty.")
    if not one.positives:
        raise TrainingDataError(place, "the query has no positive passage; every query needs one.")
    for name in ("positive", "negative"):
        scores = getattr(one, f"{name}_scores")
        count = len(getattr(one, f"{name}s"))
        if scores is not None and len(scores) != count:
            raise TrainingDataError(
                place, f"{len(scores)} teacher scores for {count} {name} passages; give one each."
            )
