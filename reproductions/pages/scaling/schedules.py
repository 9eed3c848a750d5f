"""Whether the cells had enough steps: the same cells, and the same laws, by other schedules."""

import math
from collections.abc import Mapping, Sequence

from llm_encoders.errors import listed
from llm_encoders.scaling.laws.file import LawsFile
from llm_encoders.scaling.laws.fitted import FittedLaw
from reproductions.pages.markdown import table
from reproductions.pages.scaling.cells import NOT_MEASURED, setting
from reproductions.pages.scaling.laws import EXPONENTS, GROUP, NOT_FITTED
from reproductions.scaling.results import Row
from reproductions.scaling.study import QUERIES, Study

_ORDER = ("paradigm", "annotations", "parameters", "seed", "steps")
MUCH = 0.05
"""Relative fall in entropy, by more steps, above which a cell had too few."""


def steps_of(plan: Study) -> str:
    """Steps of every schedule by number of pairs, and how many passes over the pairs they make."""
    pairs = sorted({number for steps in plan.steps.values() for number in steps})

    def written(steps: Mapping[int, int], number: int) -> str:
        if number not in steps:
            return ""
        return f"{steps[number]:,} ({steps[number] * QUERIES / number:.1f})"

    return table(
        ("pairs", *(f"{name}: steps (passes)" for name in plan.steps)),
        [(f"{n:,}", *(written(steps, n) for steps in plan.steps.values())) for n in pairs],
    )


def steps(rows: Sequence[Row]) -> str:
    """What each doubling of the steps changes."""
    lines = [
        (
            few["paradigm"],
            few["size"],
            f"{few['annotations']:,}",
            str(few["seed"]),
            f"{few['steps']:,}: {few['entropy']:.4f}",
            f"{many['steps']:,}: {many['entropy']:.4f}",
            f"{-100 * _fall(few, many):+.1f} %",
        )
        for few, many in _doublings(rows)
    ]
    if not lines:
        return NOT_MEASURED.format("half double")
    head = ("paradigm", "size", "D", "seed", "steps: entropy", "twice the steps: entropy", "change")
    return table(head, lines)


def unfinished(rows: Sequence[Row]) -> str:
    """With which numbers of pairs the last doubling lowered the entropy by more than MUCH."""
    last = _last_doublings(rows)
    lines = []
    for paradigm in dict.fromkeys(paradigm for paradigm, _ in last):
        own = {pairs: one for (name, pairs), one in last.items() if name == paradigm}
        enough = [f"{pairs:,}" for pairs, one in own.items() if _fall(*one) <= MUCH]
        short = [
            f"{pairs:,} ({100 * _fall(*one):.1f} %, to {one[1]['steps']:,} steps)"
            for pairs, one in own.items()
            if _fall(*one) > MUCH
        ]
        line = f"- **{paradigm}**: the last doubling of the steps"
        if enough:
            line += f" did not lower the entropy by more than {100 * MUCH:.0f} % at D of "
            line += listed(enough)
        if short:
            line += (
                ". It did" if enough else f" lowered the entropy by more than {100 * MUCH:.0f} %"
            )
            line += f" at D of {listed(short)}. Longer runs may give lower entropies there"
        lines.append(f"{line}.{_beside_pairs(rows, own)}")
    return "".join(f"{line}\n" for line in lines)


def _last_doublings(rows: Sequence[Row]) -> dict[tuple[str, int], tuple[Row, Row]]:
    """The doubling that leads to the most steps, by paradigm and number of pairs."""
    last: dict[tuple[str, int], tuple[Row, Row]] = {}
    for few, many in _doublings(rows):
        place = many["paradigm"], many["annotations"]
        if place not in last or _rank(few, many) > _rank(*last[place]):
            last[place] = few, many
    return dict(sorted(last.items()))


def _rank(few: Row, many: Row) -> tuple[int, float]:
    return many["steps"], _fall(few, many)


def _beside_pairs(rows: Sequence[Row], own: Mapping[int, tuple[Row, Row]]) -> str:
    """At the most pairs, what twice the steps change beside twice the pairs with their steps."""
    most = max(own)
    few, many = own[most]
    alike = [
        row
        for row in rows
        if (*setting(row)[:2], *setting(row)[3:]) == (*setting(many)[:2], *setting(many)[3:])
        and (row["seed"], row["schedule"]) == (many["seed"], many["schedule"])
        and row["annotations"] < most
    ]
    if not alike:
        return ""
    before = max(alike, key=lambda row: int(row["annotations"]))
    doublings = math.log2(most / before["annotations"])
    by_pairs = 1 - (many["entropy"] / before["entropy"]) ** (1 / doublings)
    return (
        f" At {most:,} pairs twice the steps lower the entropy by {100 * _fall(few, many):.1f} %; "
        f"twice the pairs, with the steps that come with them, by {100 * by_pairs:.1f} %."
    )


def _doublings(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Cells that differ in nothing but the steps, of which one has twice those of the other."""
    known = {(*setting(row), row["seed"], row["steps"]): row for row in rows}
    found = [(row, known.get((*setting(row), row["seed"], 2 * row["steps"]))) for row in rows]
    pairs = [(few, many) for few, many in found if many is not None]
    return sorted(pairs, key=lambda pair: tuple(map(pair[0].get, _ORDER)))


def _fall(few: Row, many: Row) -> float:
    return float(1 - many["entropy"] / few["entropy"])


def exponents(by_schedule: Mapping[str, LawsFile | None]) -> str:
    """The exponents of the laws in one variable, by schedule, with the overlap of intervals."""
    found: dict[tuple[str, str], dict[str, FittedLaw]] = {}
    for name in EXPONENTS:
        for schedule, fitted in by_schedule.items():
            for one in () if fitted is None else fitted.find(name):
                found.setdefault((name, one.group.get(GROUP, "")), {})[schedule] = one
    if not found:
        return NOT_FITTED
    lines = []
    for (name, paradigm), laws in found.items():
        texts = {schedule: _exponent(one, EXPONENTS[name]) for schedule, one in laws.items()}
        shown = [texts.get(schedule, "") for schedule in by_schedule]
        lines.append((name, paradigm, *shown, _apart(list(laws.values()), EXPONENTS[name])))
    return table(
        ("law", "paradigm", *(f"exponent, {name}" for name in by_schedule), "intervals"), lines
    )


def _apart(laws: Sequence[FittedLaw], symbol: str) -> str:
    ends = [one.interval[symbol] for one in laws if one.interval is not None]
    if len(ends) < 2:
        return ""
    overlap = max(low for low, _ in ends) <= min(high for _, high in ends)
    return "overlap" if overlap else "do not overlap"


def _exponent(one: FittedLaw, symbol: str) -> str:
    ends = "" if one.interval is None else "{:.3f} to {:.3f}, ".format(*one.interval[symbol])
    fit = "" if one.r2 is None else f"R² {one.r2:.3f}, "
    return f"{one.values[symbol]:.3f} ({ends}{fit}{one.points} points)"
