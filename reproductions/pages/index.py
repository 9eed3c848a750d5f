"""The index: which page a reader wants, then every condition with its scores."""

from llm_encoders.registry import presets
from pyserini_ext.conditions import FAMILIES, Condition, Task, load_family
from reproductions.pages import scores
from reproductions.pages.markdown import table
from reproductions.pages.model import conditions_of
from reproductions.pages.templates import render

_COLUMNS = ("MRR@10 dev", "nDCG@10 DL19", "nDCG@10 DL20", "nDCG@10 BEIR", "nDCG@10 BRIGHT")
_CELLS = (
    ("msmarco-v1-passage", "msmarco-v1-passage.dev", "MRR@10"),
    ("msmarco-v1-passage", "dl19-passage", "nDCG@10"),
    ("msmarco-v1-passage", "dl20-passage", "nDCG@10"),
)
_MEANS = ("beir", "bright")
_PUBLISHED_MEAN = {"beir": ("BEIR-13", "nDCG@10")}


def page() -> str:
    """The page."""
    rows = [_row(name, own) for name, own in conditions_of().items()]
    return render(
        "README",
        "reproductions/conditions",
        "llm_encoders/presets",
        models=table(("model", *_COLUMNS), rows),
        small=_small(),
    )


def _small() -> str:
    """Scores of the tiny family, a line a system."""
    family = FAMILIES["tiny"]
    rows = [
        (one.name, *(_cell(one, key, "nDCG@10") for key in family.keys))
        for one in load_family(family)
    ]
    return table(("system", *family.keys), rows)


def _row(name: str, conditions: list[Condition]) -> tuple[str, ...]:
    families = {one.family.name: one for one in conditions}
    cells = [_cell(families.get(family), key, measure) for family, key, measure in _CELLS]
    means = [_mean(families.get(family), name) for family in _MEANS]
    return f"[{name}](models/{name}.md)", *cells, *means


def _cell(condition: Condition | None, key: str, measure: str) -> str:
    tasks = [task for task in condition.tasks if task.key == key] if condition else []
    for task in tasks:
        if measure in task.scores:
            score = task.scores[measure]
            return f"{scores.shown(score, scores.of_condition(condition))} *{_kind(task, measure)}*"
    return ""


def _kind(task: Task, measure: str) -> str:
    return "m" if task.scores[measure].source.measured else "p"


def _mean(condition: Condition | None, name: str) -> str:
    """The mean of nDCG@10 over all datasets of a condition, or the published one."""
    if condition is None:
        return ""
    tasks, measure = condition.tasks, "nDCG@10"
    if len(tasks) == len(condition.family.keys) and all(measure in one.scores for one in tasks):
        kinds = "".join(sorted({_kind(task, measure) for task in tasks}))
        return f"{sum(one.scores[measure].value for one in tasks) / len(tasks):.4f} *{kinds}*"
    wanted = _PUBLISHED_MEAN.get(condition.family.name)
    for one in presets()[name].scores:
        if (one["dataset"], one["metric"]) == wanted:
            return f"{one['value'] / 100:.3f} *p*"
    return ""
