"""What annotations of other sources are worth in annotations of people."""

from collections.abc import Sequence
from statistics import fmean

from llm_encoders.scaling.laws.file import LawsFile
from reproductions.pages.markdown import table, warnings
from reproductions.pages.scaling.cells import NOT_MEASURED
from reproductions.scaling.results import Row
from reproductions.scaling.study import HUMAN, USUAL


def exchange(fitted: LawsFile | None) -> str:
    """What an annotation of each source is worth in annotations of people."""
    if fitted is None or not fitted.exchange:
        return "Not fitted yet: there is no `laws-by-source.json`.\n"
    rows = []
    for one in fitted.exchange:
        worth = "the law never reaches it" if one.worth is None else f"{one.worth:.3g}"
        rows.append(
            (
                ", ".join(one.group.values()),
                f"{one.entropy:.3f}",
                worth + _ends(one.interval),
                "" if one.inside else "extrapolated",
            )
        )
    found = [(", ".join(one.group.values()), text) for one in fitted.laws for text in one.warnings]
    head = ("source", "entropy", "human annotations that one is worth", "")
    return table(head, rows) + warnings("the fits", found)


def _ends(interval: tuple[float, float | None] | None) -> str:
    if interval is None:
        return ""
    low, high = interval
    return f" ({low:.3g} to {'∞' if high is None else f'{high:.3g}'})"


def lowest(rows: Sequence[Row], by_source: LawsFile | None) -> str:
    """The lowest entropy of another source beside the highest of people, both measured.

    Args:
        rows: of all sources.
        by_source: the laws of :func:`exchange`.
    """
    usual = [row for row in rows if row["schedule"] == USUAL]
    others = [row for row in usual if row["source"] != HUMAN]
    if not others:
        return NOT_MEASURED.format("sources")
    best = min(others, key=lambda row: float(row["entropy"]))
    alike = best["paradigm"], best["size"]
    people = [row for row in usual if (row["paradigm"], row["size"]) == alike]
    people = [row for row in people if row["source"] == HUMAN]
    if not people:
        return NOT_MEASURED.format("annotations")
    fewest = min(row["annotations"] for row in people)
    known = [row["entropy"] for row in people if row["annotations"] == fewest]
    text = (
        f"The lowest entropy of another source is {best['entropy']:.2f} nats, of {best['source']} "
        f"with {best['annotations']:,} pairs; the fewest pairs of people, {fewest:,}, give "
        f"{' and '.join(f'{one:.2f}' for one in known)}."
    )
    if max(known) < best["entropy"] and best["annotations"] > fewest:
        text += (
            f" So {best['annotations'] / fewest:.3g} pairs of the best other source are worth less "
            "than one of people there."
        )
    return f"{text}{_misfit(by_source, fewest, fmean(known))}\n"


def _misfit(by_source: LawsFile | None, fewest: int, measured: float) -> str:
    """By how much the law of people misses their fewest annotations."""
    laws = () if by_source is None else by_source.find("annotations")
    for law in laws:
        if law.group.get("source") == HUMAN:
            predicted = float(law.predict(annotations=fewest))
            off = 100 * (predicted / measured - 1)
            what = "too much" if off > 0 else "too little"
            return (
                f" The law of people's pairs gives {predicted:.2f} nats with {fewest:,}, "
                f"{off:+.1f} % off, so the table says {what} for the other sources."
            )
    return ""
