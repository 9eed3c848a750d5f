"""The page on ScalingNote: what the paper says, and the same questions at tiny scale."""

from collections.abc import Sequence
from pathlib import Path

from llm_encoders.evaluation.measures.ndcg import NDCG_10
from reproductions.pages import price
from reproductions.pages.log import log
from reproductions.pages.markdown import block, table
from reproductions.pages.scalingnote import agreement, comparison, figures, scaling, tradeoff
from reproductions.pages.templates import render
from reproductions.scalingnote import results
from reproductions.scalingnote.results import Row
from reproductions.scalingnote.study import Study, load

_RUN = "python reproductions/scalingnote/run.py"
_ORDINARY = ("trade-off", "two-stage", "losses", "queries", "scaling")
_TITLES = {"dense": "Dense", "sparse": "Sparse"}


def page(rows: Sequence[Row] | None = None) -> str:
    """The page.

    Args:
        rows: the results; ``None`` for those of ``results.csv``.
    """
    found = results.read() if rows is None else rows
    plan = load()
    return render(
        "scalingnote",
        "reproductions/scalingnote/study.yaml",
        "reproductions/scalingnote/results.csv",
        commands=block([f"{_RUN} --collections BEIR --only {' '.join(_ORDINARY)}"]),
        dry=block([f"{_RUN} --only {_ORDINARY[0]} --dry-run"]),
        larger=block([f"{_RUN} --collections BEIR --only larger"]),
        steps=_steps(plan),
        tradeoff=tradeoff.section(found, "trade-off"),
        larger_tradeoff=tradeoff.section(found, "larger"),
        two_stage=_compared(found, plan, "two-stage"),
        losses=_compared(found, plan, "losses"),
        queries=_compared(found, plan, "queries"),
        scaling=scaling.section(found),
        agreement=agreement.section(found, plan),
        price=price.section(tradeoff.students(found)),
        log=log("scalingnote.md"),
    )


def _steps(plan: Study) -> str:
    """What is trained, with its recipe."""
    rows = []
    for step in plan.steps.values():
        if step.recipe is not None:
            link = f"[`{step.recipe}`](recipes/{step.recipe}.yaml)"
            changes = ", ".join(f"`{one}`" for one in step.changes)
            rows.append((f"`{Path(step.output).name}`", step.label or "", link, changes))
    return table(("output", "called here", "recipe", "changes"), rows)


def _compared(rows: Sequence[Row], plan: Study, group: str) -> str:
    """A table of seeds an evaluation, then which is better."""
    own = figures.of(rows, group)
    if not own:
        return figures.not_measured(group)
    named = [one for one in plan.comparisons if one.group == group]
    parts = []
    for name in dict.fromkeys(one.name for one in named):
        chosen = figures.of(own, group, evaluation=name)
        if not chosen:
            continue
        tables = [figures.seeds_table(chosen, one) for one in (figures.COLUMN, NDCG_10.name)]
        found = "".join(comparison.sentences(own, one) for one in named if one.name == name)
        title = f"**{_TITLES[name]}**\n\n" if name else ""
        parts.append(f"{title}{tables[0]}\n{tables[1]}\n{found}")
    return "\n".join(parts)
