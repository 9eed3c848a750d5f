"""Which queries to show: those on which one system does better than the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from llm_encoders.errors import EncoderError


@dataclass
class Result:
    """What a system found for a query."""

    first: tuple[str, float] | None = None
    """Document ranked first, with its score; ``None`` where nothing was found."""
    relevant: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Relevant documents that were found, best first, with rank (from 1) and score."""

    @property
    def rank(self) -> int | None:
        """Rank of the first relevant document; ``None`` if none was found."""
        return next((rank for rank, _ in self.relevant.values()), None)

    @property
    def reciprocal_rank(self) -> float:
        """One over the rank of the first relevant document, 0 if none was found."""
        return 0.0 if self.rank is None else 1 / self.rank


@dataclass(frozen=True)
class Example:
    """A query to show."""

    query_id: str
    best: str | None
    """The system that does better than the others; ``None`` if no query tells them apart."""


Results = dict[str, Result]
"""By query id."""


def read_results(run: Path, qrels: Mapping[str, Mapping[str, int]]) -> Results:
    """Results of every judged query of a run in TREC's format, of which little is kept.

    Raises:
        EncoderError: a line has not six columns, or its score is no number; names the line.
    """
    found = {query_id: Result() for query_id in qrels}
    ranks = dict.fromkeys(qrels, 0)
    with run.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                query_id, _, docid, _, word, _ = line.split()
                score = float(word)
            except ValueError:
                raise EncoderError(f"{run}, line {number}: not a line of a TREC run.") from None
            if query_id not in found:
                continue
            ranks[query_id] += 1
            if ranks[query_id] == 1:
                found[query_id].first = (docid, score)
            if qrels[query_id].get(docid, 0) > 0:
                found[query_id].relevant[docid] = (ranks[query_id], score)
    return found


def choose(results: Mapping[str, Results], query_ids: Sequence[str]) -> list[Example]:
    """One query a system: where it exceeds the mean of the others by most in reciprocal rank.

    A query is shown once. Of queries with the same difference the first is taken. If no query
    tells the systems apart, the first one that they found is shown, or else the first of all.

    Args:
        results: by system; a fusion of the others is best left out.
        query_ids: in the collection's order.
    """
    chosen: list[Example] = []
    for system in results:
        shown = {example.query_id for example in chosen}
        gains = {q: _gain(results, system, q) for q in query_ids if q not in shown}
        query_id = max(gains, key=gains.__getitem__, default=None)
        if query_id is not None and gains[query_id] > 0:
            chosen.append(Example(query_id, system))
    if not chosen:
        rest = [q for q in query_ids if any(r[q].rank is not None for r in results.values())]
        chosen = [Example(query_id, None) for query_id in (rest or query_ids)[:1]]
    return chosen


def _gain(results: Mapping[str, Results], system: str, query_id: str) -> float:
    others = [found[query_id].reciprocal_rank for name, found in results.items() if name != system]
    mean = sum(others) / len(others) if others else 0.0
    return results[system][query_id].reciprocal_rank - mean
