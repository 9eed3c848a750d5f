"""Which points belong into one fit."""

from collections.abc import Sequence

import numpy as np

from llm_encoders.errors import EncoderError, UsageError, listed, nearest
from llm_encoders.scaling.fit.figures import number
from llm_encoders.scaling.fit.points import CONDITIONS, SEED, Points
from llm_encoders.scaling.laws.law import ANNOTATIONS, PARAMETERS

_SHOWN = 6  # values of a column in a message


def where(points: Points, conditions: Sequence[tuple[str, str]]) -> Points:
    """The points that have these values in these columns; numbers are compared as numbers.

    Raises:
        UsageError: there is no such column, or no such value in it.
    """
    for column, value in conditions:
        _require_column(points, column, f"--where {column}={value}")
        found = [same(text, value) for text in points.columns[column]]
        if not any(found):
            known = _values(points, column)
            raise UsageError(
                f"--where {column}={value}: no point of {points.path} has it. {column} is "
                f"{_shown(known)} there."
            )
        points = points.only(found)
    return points


def groups(points: Points, columns: Sequence[str]) -> list[tuple[dict[str, str], Points]]:
    """The points of every combination of values in these columns, in the file's order.

    Raises:
        UsageError: there is no such column.
    """
    for column in columns:
        _require_column(points, column, f"--by {column}")
    rows = list(zip(*(map(canonical, points.columns[one]) for one in columns), strict=True))
    found = dict.fromkeys(rows) if columns else {(): None}
    return [
        (dict(zip(columns, key, strict=True)), points.only([row == key for row in rows]))
        if columns
        else ({}, points)
        for key in found
    ]


def require_alike(points: Points) -> None:
    """Refuse points that one fit must not mix, and measurements that occur twice.

    Raises:
        EncoderError: names the lines and the cure.
    """
    for column in CONDITIONS:
        known = _values(points, column)
        if len(known) > 1:
            lines = [
                f"'{value}' on line {points.lines[_first(points, column, value)]}"
                for value in known[:_SHOWN]
            ]
            raise EncoderError(
                f"{points.path}: the points mix values of {column}: {listed(lines)}. Fit one of "
                f"them (--where {column}={known[0]}), or each by itself (--by {column})."
            )
    seen: dict[tuple[object, ...], int] = {}
    seeds = points.columns.get(SEED, [""] * len(points))
    sizes = zip(points.sizes[PARAMETERS], points.sizes[ANNOTATIONS], strict=True)
    for place, ((n, d), seed) in enumerate(zip(sizes, seeds, strict=True)):
        key = (float(n), float(d), canonical(seed))
        if key in seen:
            written = f" and seed {seed}" if seed else ""
            cure = (
                "Leave one of them out."
                if SEED in points.columns
                else "If they are runs of different seeds, name the seeds in a column 'seed'; "
                "otherwise leave one of them out, or choose by another column with --where."
            )
            raise points.error(
                place,
                f"{number(n)} parameters, {number(d)} annotations{written} stand on line "
                f"{points.lines[seen[key]]} as well. {cure}",
            )
        seen[key] = place


def shared(points: Points) -> dict[str, str]:
    """The conditions that the file has and all points share."""
    found = {column: _values(points, column) for column in CONDITIONS}
    return {column: one[0] for column, one in found.items() if len(one) == 1 and one[0]}


def at_one_size(points: Points, fixed: str, varied: str) -> tuple[Points, float]:
    """The points of the one value of ``fixed`` with most distinct ``varied``; ties: the largest.

    Args:
        fixed: :data:`PARAMETERS` or :data:`ANNOTATIONS`.
        varied: the other one.

    Returns:
        The points, and that value.
    """
    values = points.sizes[fixed]
    counts = {
        float(one): len(np.unique(points.sizes[varied][values == one])) for one in np.unique(values)
    }
    best = max(counts, key=lambda one: (counts[one], one))
    return points.only(values == best), best


def canonical(text: str) -> str:
    """A number in one way of writing it; other texts as they are."""
    try:
        return f"{float(text):.12g}"
    except ValueError:
        return text


def same(one: str, other: str) -> bool:
    """Whether two cells hold the same text or number."""
    return canonical(one) == canonical(other.strip())


def _require_column(points: Points, column: str, option: str) -> None:
    if column not in points.columns:
        hint = nearest(column, points.columns) or f" It has {listed(list(points.columns))}."
        raise UsageError(f"{option}: {points.path} has no column '{column}'.{hint}")


def _values(points: Points, column: str) -> list[str]:
    return list(dict.fromkeys(map(canonical, points.columns.get(column, []))))


def _first(points: Points, column: str, value: str) -> int:
    return [canonical(text) for text in points.columns[column]].index(value)


def _shown(values: list[str]) -> str:
    quoted = [f"'{value}'" for value in values]
    return listed(quoted) if len(quoted) <= _SHOWN else f"{', '.join(quoted[:_SHOWN])}, …"
