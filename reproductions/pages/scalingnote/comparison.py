"""Which of two trainings is better: sentences made of the figures of their seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

from llm_encoders.errors import listed
from reproductions.pages.scalingnote import figures
from reproductions.pages.scalingnote.figures import COLUMN, QUALITY
from reproductions.scalingnote.results import Row
from reproductions.scalingnote.study import Comparison


@dataclass(frozen=True)
class Outcome:
    """One label against another on a collection, by :data:`QUALITY`."""

    collection: str
    first: tuple[float, ...]
    """A figure a seed."""
    other: tuple[float, ...]

    @property
    def difference(self) -> float:
        """Of the means."""
        return sum(self.first) / len(self.first) - sum(self.other) / len(self.other)

    @property
    def settled(self) -> bool:
        """Whether every seed of the one is better than every seed of the other."""
        return min(self.first) > max(self.other) or max(self.first) < min(self.other)


def outcomes(rows: Sequence[Row], comparison: Comparison, other: str) -> list[Outcome]:
    """One a collection on which both labels were measured."""
    found = []
    own = figures.of(rows, comparison.group, evaluation=comparison.name)
    for collection in figures.values(own, "collection"):
        pair = [
            tuple(
                row[COLUMN]
                for row in figures.of(own, comparison.group, collection=collection, label=label)
            )
            for label in (comparison.first, other)
        ]
        if all(pair):
            found.append(Outcome(collection, *pair))
    return found


def sentences(rows: Sequence[Row], comparison: Comparison) -> str:
    """What a comparison came to, a list item a pair; empty where nothing was measured."""
    lines = []
    for other in comparison.others:
        found = outcomes(rows, comparison, other)
        if found:
            lines.append(f"- *{comparison.first}* against *{other}*: {verdict(found)}\n")
    return "".join(lines)


def verdict(found: Sequence[Outcome]) -> str:
    """Where the first is better, worse or equal, with the differences."""
    several = any(len(one.first) > 1 or len(one.other) > 1 for one in found)
    parts = []
    for word, chosen in (
        ("better", [one for one in found if one.difference > 0]),
        ("worse", [one for one in found if one.difference < 0]),
        ("equal", [one for one in found if one.difference == 0]),
    ):
        if chosen:
            places = [f"{one.collection} ({_difference(one, several)})" for one in chosen]
            parts.append(f"{word} on {listed(places)}")
    return f"{QUALITY} is {'; '.join(parts)}."


def _difference(one: Outcome, several: bool) -> str:
    text = f"{one.difference:+.4f}"
    if not several:
        return text
    return f"{text}, {'every seed' if one.settled else 'seeds overlap'}"
