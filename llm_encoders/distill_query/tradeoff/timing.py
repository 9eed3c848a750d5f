"""Speed and latency of query encoders, measured in turns."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

PERCENTILES = (50, 95, 99)
_WARM_UP = 10  # queries
_REST = 0.3  # seconds, after which the threads of the encoder before no longer wait for work


class Timed(Protocol):
    """What is timed."""

    def encode(self, queries: list[str]) -> Any:
        """Vectors of queries."""

    def search(self, query: str, own: int | None) -> Any:
        """Encode one query and find its passages, but not the one of the number ``own``."""


@dataclass(frozen=True)
class Round:
    """What one query encoder took in one round, in seconds."""

    together: float
    """All queries, given to the encoder at once."""
    encoding: list[float]
    """Each query alone: text to vector."""
    searching: list[float]
    """Each query alone: text to ranking."""


def time_rounds(
    sides: Sequence[Timed],
    queries: list[str],
    own: Sequence[int | None],
    repeats: int,
    done: Callable[[], object] = lambda: None,
) -> list[list[Round]]:
    """Time every query encoder in every round.

    They take turns, in every second round in the opposite order, so that other load on the machine
    slows all of them alike. Each encodes and searches once before the first round, to warm up. A
    turn begins after a short rest: threads that wait for work in a loop would take a core from the
    next encoder.

    Args:
        sides: query encoders.
        queries: the texts.
        own: number of the passage that a query may not find; one a query.
        repeats: number of rounds.
        done: called after each turn.

    Returns:
        For each encoder, its rounds.
    """
    found: list[list[Round]] = [[] for _ in sides]
    for side in sides:
        for query, number in list(zip(queries, own, strict=True))[:_WARM_UP]:
            side.search(query, number)
        side.encode(queries)
    for place in _turns(len(sides), repeats):
        time.sleep(_REST)
        found[place].append(_round(sides[place], queries, own))
        done()
    return found


def _turns(sides: int, repeats: int) -> Iterator[int]:
    for number in range(repeats):
        yield from reversed(range(sides)) if number % 2 else range(sides)


def _round(side: Timed, queries: list[str], own: Sequence[int | None]) -> Round:
    begin = time.perf_counter()
    side.encode(queries)
    together = time.perf_counter() - begin
    encoding, searching = [], []
    for query in queries:
        begin = time.perf_counter()
        side.encode([query])
        encoding.append(time.perf_counter() - begin)
    for query, number in zip(queries, own, strict=True):
        begin = time.perf_counter()
        side.search(query, number)
        searching.append(time.perf_counter() - begin)
    return Round(together, encoding, searching)


def summary(rounds: Sequence[Round]) -> dict[str, float]:
    """Medians over the rounds.

    Returns:
        ``queries/s batch`` and ``queries/s single``; ``encoding pN ms`` and ``search pN ms``, the
        :data:`PERCENTILES` over queries.
    """
    figures = [_figures(one) for one in rounds]
    return {key: float(np.median([one[key] for one in figures])) for key in figures[0]}


def _figures(one: Round) -> dict[str, float]:
    count = len(one.encoding)
    found = {
        "queries/s batch": count / one.together,
        "queries/s single": count / sum(one.encoding),
    }
    for name, seconds in (("encoding", one.encoding), ("search", one.searching)):
        for percentile in PERCENTILES:
            value = float(np.percentile(seconds, percentile))
            found[f"{name} p{percentile} ms"] = 1000 * value
    return found
