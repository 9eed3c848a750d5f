"""The page of the tiny models on collections that a machine without a GPU finishes."""

from pyserini_ext.conditions import FAMILIES, Condition, load_family
from reproductions.pages import scores
from reproductions.pages.log import log
from reproductions.pages.markdown import block, table
from reproductions.pages.templates import render

_KEY = "nfcorpus"


def page() -> str:
    """The page."""
    conditions = load_family(FAMILIES["tiny"])
    seen: set[str] = set()
    steps = [f"**{one.display}**\n\n{block(_new(one, seen), runnable=True)}" for one in conditions]
    return render(
        "tiny",
        "reproductions/conditions/tiny.yaml",
        whole=block(["python -m pyserini_ext.regress tiny --data collections"]),
        key=_KEY,
        steps="\n".join(steps),
        tolerance=scores.tolerance(conditions[0]),
        expected=expected(conditions),
        log=log("models/tiny.md"),
    )


def _new(condition: Condition, seen: set[str]) -> list[str]:
    """The commands of a condition that no block before has."""
    (task,) = (task for task in condition.tasks if task.key == _KEY)
    lines = [*(step.text for step in task.steps()), *(one.text for one in task.evaluations())]
    found = [line for line in lines if line not in seen]
    seen.update(found)
    return found


def expected(conditions: tuple[Condition, ...]) -> str:
    """The table of the expected scores, with their sources."""
    rows = []
    for condition in conditions:
        decimals = scores.of_condition(condition)
        for task in condition.tasks:
            measures = task.family.measures_for(task.key)
            cells = [
                scores.shown(task.scores[one], decimals) if one in task.scores else ""
                for one in measures
            ]
            sources = dict.fromkeys(str(one.source) for one in task.scores.values())
            if task.scores:
                rows.append((task.key, condition.name, *cells, "; ".join(sources)))
    if not rows:
        return "None has been measured yet.\n"
    family = conditions[0].family
    keys, measures = family.keys, family.measures
    return table(
        ("collection", "system", *measures, "source"),
        sorted(rows, key=lambda row: keys.index(row[0])),
    )
