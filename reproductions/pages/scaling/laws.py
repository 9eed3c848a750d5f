"""The laws that were fitted to the cells, and what they say of sparse and dense retrieval."""

from collections.abc import Mapping
from pathlib import Path

from llm_encoders.scaling.laws.file import LawsFile
from llm_encoders.scaling.laws.fitted import FittedLaw
from reproductions.pages.markdown import table, warnings

ENOUGH = 0.95
"""R² from which the points are said to follow a law."""
GROUP = "paradigm"
NOT_FITTED = "Not fitted yet: there is no `laws.json`.\n"
EXPONENTS = {"model-size": "alpha", "annotations": "beta"}
"""Of the laws in one variable."""


def section(fitted: LawsFile | None) -> str:
    """A table of laws, and the warnings of their fits."""
    if fitted is None:
        return NOT_FITTED
    rows = []
    found: list[tuple[str, str]] = []
    for one in fitted.laws:
        paradigm = one.group.get(GROUP, "")
        rows.append(
            (
                one.law.name,
                paradigm,
                str(one.points),
                "; ".join(_value(one, name) for name in one.law.parameters),
                "" if one.r2 is None else f"{one.r2:.4f}",
                _hold_out(one),
            )
        )
        found += [(f"{one.law.name}, {paradigm}", text) for text in one.warnings]
    head = ("law", "paradigm", "points", "parameters (95 % interval)", "R²", "hold-out")
    return table(head, rows) + warnings("the fits", found)


def _value(one: FittedLaw, name: str) -> str:
    text = f"{name} {one.values[name]:.4g}"
    if one.interval is None or name not in one.interval:
        return text
    low, high = one.interval[name]
    return f"{text} ({low:.3g} to {high:.3g})"


def _hold_out(one: FittedLaw) -> str:
    return "; ".join(
        f"{held.rule}: {100 * held.rms_log:.1f} %, worst {100 * held.worst:.1f} %"
        for held in one.hold_out
    )


def plots(folder: Path) -> str:
    """The plots of laws in one variable, sparse beside dense, as far as they are drawn."""
    names = [f"{name}-{paradigm}" for name in EXPONENTS for paradigm in ("dense", "sparse")]
    there = [name for name in names if (folder / f"{name}.svg").exists()]
    return "".join(f"![{name}](scaling/{folder.name}/{name}.svg)\n" for name in there)


def verdict(fitted: LawsFile | None) -> str:
    """Whether each paradigm follows the laws, and which exponent is larger."""
    if fitted is None:
        return NOT_FITTED
    lines = []
    for name, exponent in EXPONENTS.items():
        found = {one.group.get(GROUP, ""): one for one in fitted.find(name)}
        for paradigm, one in found.items():
            if one.r2 is not None:
                follows = "follows" if one.r2 >= ENOUGH else "does not follow"
                lines.append(
                    f"**{paradigm}** {follows} the law `{name}`: R² is {one.r2:.4f} at "
                    f"{one.points} points."
                )
        if {"sparse", "dense"} <= found.keys():
            unfit = [key for key, one in found.items() if one.r2 is not None and one.r2 < ENOUGH]
            lines.append(
                f"The exponents of `{name}` are not compared, for {' and '.join(unfit)} cells do "
                "not follow the law."
                if unfit
                else _larger(found, name, exponent)
            )
    return "".join(f"- {line}\n" for line in lines) or NOT_FITTED


def _larger(found: Mapping[str, FittedLaw], name: str, exponent: str) -> str:
    sparse, dense = found["sparse"], found["dense"]
    values = f"{sparse.values[exponent]:.3f} against {dense.values[exponent]:.3f}"
    if sparse.interval is None or dense.interval is None:
        return f"The exponents of `{name}`, sparse against dense, are {values}; no interval."
    (least, most), (low, high) = sparse.interval[exponent], dense.interval[exponent]
    ends = f"({least:.3f} to {most:.3f} against {low:.3f} to {high:.3f})"
    if least > high:
        outcome = "the sparse one is larger"
    elif most < low:
        outcome = "the sparse one is smaller"
    else:
        outcome = "the intervals overlap, so these points do not say which is larger"
    return f"The exponents of `{name}`, sparse against dense, are {values} {ends}: {outcome}."
