"""Whether the cells had enough steps: the same cells, and the same laws, by other schedules."""

from collections.abc import Mapping, Sequence

from llm_encoders.errors import listed
from llm_encoders.scaling.laws.file import LawsFile
from llm_encoders.scaling.laws.fitted import FittedLaw
from reproductions.pages.markdown import table
from reproductions.pages.scaling.cells import NOT_MEASURED, setting
from reproductions.pages.scaling.laws import EXPONENTS, GROUP, NOT_FITTED
from reproductions.scaling.results import Row
from reproductions.scaling.study import QUERIES, Study

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
            f"{few['steps']:,}: {few['entropy']:.4f}",
            f"{many['steps']:,}: {many['entropy']:.4f}",
            f"{-100 * _fall(few, many):+.1f} %",
        )
        for few, many in _doublings(rows)
    ]
    if not lines:
        return NOT_MEASURED.format("half double")
    head = ("paradigm", "size", "D", "steps: entropy", "twice the steps: entropy", "change")
    return table(head, lines)


def unfinished(rows: Sequence[Row]) -> str:
    """With which numbers of pairs the last doubling still lowered the entropy by :data:`MUCH`."""
    last: dict[tuple[str, int], tuple[int, float]] = {}
    for few, many in _doublings(rows):
        place = many["paradigm"], many["annotations"]
        last[place] = max(last.get(place, (0, 0.0)), (many["steps"], _fall(few, many)))
    lines = []
    for paradigm in dict.fromkeys(paradigm for paradigm, _ in last):
        own = {pairs: last[paradigm, pairs] for name, pairs in sorted(last) if name == paradigm}
        enough = [f"{pairs:,}" for pairs, (_, fall) in own.items() if fall <= MUCH]
        short = [
            f"{pairs:,} ({100 * fall:.1f} %, to {count:,} steps)"
            for pairs, (count, fall) in own.items()
            if fall > MUCH
        ]
        parts = [f"by at most {100 * MUCH:.0f} % with {listed(enough)} pairs"] if enough else []
        more = "more" if enough else f"more than {100 * MUCH:.0f} %"
        parts += [f"by {more} with {listed(short)} pairs"] if short else []
        text = ", and ".join(parts)
        lines.append(
            f"- **{paradigm}**: the last doubling of the steps lowered the entropy {text}."
            + (" Longer runs would gain there; other exponents may result." if short else "")
        )
    return "".join(f"{line}\n" for line in lines)


def _doublings(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Cells that differ in nothing but the steps, of which one has twice those of the other."""
    known = {(*setting(row), row["seed"], row["steps"]): row for row in rows}
    found = [(row, known.get((*setting(row), row["seed"], 2 * row["steps"]))) for row in rows]
    pairs = [(few, many) for few, many in found if many is not None]
    return sorted(pairs, key=lambda pair: (pair[0]["annotations"], pair[0]["steps"]))


def _fall(few: Row, many: Row) -> float:
    return float(1 - many["entropy"] / few["entropy"])


def exponents(by_schedule: Mapping[str, LawsFile | None]) -> str:
    """The exponents of the laws in one variable, by schedule, with the overlap of intervals."""
    found: dict[tuple[str, str], dict[str, FittedLaw]] = {}
    for schedule, fitted in by_schedule.items():
        for name in EXPONENTS:
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
