"""What agrees with the paper and what does not: every sentence follows from the rows."""

from collections.abc import Sequence

from llm_encoders.errors import listed
from reproductions.pages.scalingnote import comparison, figures, scaling
from reproductions.pages.scalingnote.figures import QUALITY, SHARE
from reproductions.pages.scalingnote.tradeoff import GROUPS
from reproductions.scalingnote.results import Row
from reproductions.scalingnote.study import Study

KEPT, FASTER = 54.57 / 55.15, 33_810 / 408
"""R@50 of the paper's four-layer student over its teacher's, and its speed over the teacher's."""
_COLLAPSED = 0.5  # of the teacher's quality


def section(rows: Sequence[Row], plan: Study) -> str:
    """A list."""
    lines = [
        *(_kept(rows, group) for group in GROUPS),
        _two_stage(rows, plan),
        _larger(rows),
        _collapse(rows),
        _lookup(rows),
    ]
    return "".join(f"- {line}\n" for line in lines if line) or figures.not_measured(*plan.groups)


def _verdict(good: Sequence[bool]) -> str:
    return "Agrees" if all(good) else "Partly" if any(good) else "Does not agree"


def _kept(rows: Sequence[Row], group: str) -> str:
    """Of the best small transformer of each teacher: how much it keeps, how much faster it is."""
    whole = {
        (row["evaluation"], row["parameters"])
        for row in figures.of(rows, group)
        if row["role"] == "teacher"
    }
    own = [row for row in figures.of(rows, group) if row["role"] == "student"]
    own = [row for row in own if (row["evaluation"], row["parameters"]) not in whole]
    own = [row for row in own if row["kind"] != "lookup" and row[SHARE] is not None]
    parts, good = [], []
    for name in figures.values(own, "evaluation"):
        chosen = best(figures.of(own, group, evaluation=name))
        kept = [row[SHARE] for row in chosen]
        ratios = [row["queries/s single ratio"] for row in chosen]
        good.append(min(kept) >= KEPT)
        parts.append(
            f"{name}: *{chosen[0]['label']}* keeps {figures.span(kept, 100, '.1f')} %, at "
            f"{figures.span(ratios, 1, '.1f')} times the queries per second one by one"
        )
    if not parts:
        return ""
    return (
        f"**{_verdict(good)}** ({group}): a small transformer keeps {100 * KEPT:.0f} % of the "
        f"teacher's {QUALITY}. Here, over the collections, the best of each teacher: "
        f"{'; '.join(parts)}. The paper's student is {FASTER:.0f} times as fast, of a teacher of "
        "7B parameters."
    )


def best(rows: Sequence[Row]) -> list[Row]:
    """The rows of the student that keeps most of R@50 on average."""
    labels = figures.values(rows, "label")
    label = max(
        labels,
        key=lambda one: figures.mean([r for r in rows if r["label"] == one], SHARE),
    )
    return [row for row in rows if row["label"] == label]


def _two_stage(rows: Sequence[Row], plan: Study) -> str:
    found, good = [], []
    for one in plan.comparisons:
        if one.group != "two-stage":
            continue
        for other in one.others:
            outcomes = comparison.outcomes(rows, one, other)
            if outcomes:
                wins = sum(outcome.difference > 0 for outcome in outcomes)
                good.append(wins == len(outcomes))
                sure = sum(outcome.difference > 0 and outcome.settled for outcome in outcomes)
                found.append(
                    f"*{one.first}* is better than *{other}* on {wins} of {len(outcomes)} "
                    f"collections, on {sure} of them with every seed"
                )
    if not found:
        return ""
    return f"**{_verdict(good)}**: two stages beat training end to end. Here {'; '.join(found)}."


def _larger(rows: Sequence[Row]) -> str:
    own = figures.of(rows, scaling.GROUP)
    laws = {one: scaling.law(own, one) for one in figures.values(own, "collection")}
    fitted = {one: law for one, law in laws.items() if law is not None}
    if not fitted:
        return ""
    shown = [
        f"b = {law.exponent:.3f} (R² = {law.r_squared:.3f}) on {one}" for one, law in fitted.items()
    ]
    return (
        f"**{_verdict([law.exponent < 0 for law in fitted.values()])}**: larger towers are "
        f"better, by a power law. Here 1 - {QUALITY} falls with size where b is below 0: "
        f"{listed(shown)}. The paper's coefficients are not known to us."
    )


def _collapse(rows: Sequence[Row]) -> str:
    own = figures.of(rows, "losses", evaluation="sparse", label="cosine")
    own = [row for row in own if row[SHARE] is not None]
    if not own:
        return ""
    collapsed = [row[SHARE] < _COLLAPSED for row in own]
    shown = [f"{figures.percent(row[SHARE])} on {row['collection']}" for row in own]
    return (
        f"**{_verdict(collapsed)}** with what is known of SPLADE students: cosine alone collapses "
        f"(less than {_COLLAPSED:.0%} of the teacher's {QUALITY}). Here it keeps {listed(shown)}."
    )


def _lookup(rows: Sequence[Row]) -> str:
    """LightRetriever's share, without a verdict: another model, other data."""
    own = [
        row
        for group in GROUPS
        for row in figures.of(rows, group)
        if row["kind"] == "lookup" and row[SHARE] is not None
    ]
    if not own:
        return ""
    parts = []
    for name in figures.values(own, "evaluation"):
        chosen = best([row for row in own if row["evaluation"] == name])
        kept = [row[SHARE] for row in chosen]
        times = [row["encoding p50 ms"] for row in chosen]
        parts.append(
            f"{name}: *{chosen[0]['label']}* keeps {figures.span(kept, 100, '.1f')} % of "
            f"{QUALITY}, at {figures.span(times, 1, '.3g')} ms a query"
        )
    return (
        "Not in the paper: LightRetriever's lookup queries keep about 95 % with a model of its "
        f"own (second-hand). Here {'; '.join(parts)}."
    )
