"""Our conditions in Pyserini's harness of two-click reproductions, beside its own.

``pyserini.2cr.msmarco``, ``.beir`` and ``.bright`` read conditions by ``yaml.safe_load`` and know
their names from a list ``models``. Both are extended among the names of the module; of its own
conditions nothing changes.
"""

import functools
import html
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

from llm_encoders.errors import nearest
from pyserini_ext.conditions import FAMILIES, Condition, Family, Task, load_family

Function = Callable[..., Any]
_HEADING = "Conditions of pyserini-llm-encoders"


class NoScore(float):
    """What stands for a score that nobody has read or measured, where the harness needs one.

    It is lower than every score, so every score passes, and it is written as ``none``.
    """

    def __new__(cls) -> "NoScore":
        return super().__new__(cls, "-inf")

    def __format__(self, spec: str) -> str:
        width = spec.partition(".")[0]
        return "none".rjust(int(width or 0))


class _Yaml:
    """The module ``yaml``, but for conditions that are added to those of a family's file."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = {family.name: family for family in families}

    def safe_load(self, stream: Any) -> Any:
        values = yaml.safe_load(stream)
        family = self._families.get(Path(str(getattr(stream, "name", ""))).stem)
        if family is not None:
            theirs = {condition["name"] for condition in values["conditions"]}
            for one in load_family(family):
                if one.name in theirs:
                    print(f"{one.name} is Pyserini's condition, not ours.", file=sys.stderr)
                else:
                    values["conditions"].append(_as_yaml(one))
        return values

    def __getattr__(self, name: str) -> Any:
        return getattr(yaml, name)


def add_conditions(original: Function) -> Function:
    """For ``list_conditions``, which stands behind ``models`` in its module: extends the module."""
    names = original.__globals__
    families = _families_of(original)
    names["yaml"] = _Yaml(families)
    for family in families:
        models = names["models"]
        if isinstance(models, dict):
            models = models[family.name]
            models.append("")  # a blank line of its tables
        models += [one.name for one in load_family(family) if one.name not in models]
    return original


def step_a_line(original: Function) -> Function:
    """For the functions that break commands into lines: every step of ours begins one."""

    @functools.wraps(original)
    def wrapper(raw: str) -> str:
        return str(original(raw)).replace(" && ", " && \\\n")

    return wrapper


def with_table(original: Function) -> Function:
    """For ``run_conditions`` of harnesses whose table has a fixed set of columns: adds ours."""
    (family,) = _families_of(original)
    names = original.__globals__

    @functools.wraps(original)
    def wrapper(options: Namespace) -> None:
        _require_dataset(family, options)
        evaluate: Callable[..., float] = names["run_eval_and_return_metric"]
        scores: dict[tuple[str, str], float] = {}

        def noted(measure: str, *others: Any) -> float:
            scores[Path(others[-1]).name, measure] = found = evaluate(measure, *others)
            return found

        names["run_eval_and_return_metric"] = noted
        try:
            original(options)
        finally:
            names["run_eval_and_return_metric"] = evaluate
        expected = options.skip_eval or options.dry_run
        for condition in load_family(family):
            if options.all or options.condition == condition.name:
                print(f"\n{_table(condition, None if expected else scores, options.dataset)}")

    return wrapper


def _require_dataset(family: Family, options: Namespace) -> None:
    """End the command where it would run nothing of a condition of ours, and print zeros."""
    ours = {one.name: one for one in load_family(family)}
    if options.all or options.dataset is None or options.condition not in ours:
        return
    keys = [task.key for task in ours[options.condition].tasks]
    if options.dataset not in keys:
        print(
            f"error: {options.condition} has no dataset '{options.dataset}'; it has "
            f"{', '.join(keys)}.{nearest(options.dataset, keys)}",
            file=sys.stderr,
        )
        raise SystemExit(2)


def with_section(original: Function) -> Function:
    """For ``generate_report`` of harnesses whose page has a fixed set of columns: adds ours."""
    (family,) = _families_of(original)

    @functools.wraps(original)
    def wrapper(options: Namespace) -> None:
        original(options)
        path = Path(options.output)
        page, end, rest = path.read_text(encoding="utf-8").rpartition("</body>")
        path.write_text(f"{page}{_section(family)}{end}{rest}", encoding="utf-8")

    return wrapper


def _families_of(function: Function) -> list[Family]:
    harness = f"pyserini.2cr.{Path(function.__code__.co_filename).stem}"
    return [family for family in FAMILIES.values() if family.harness == harness]


def _as_yaml(condition: Condition) -> dict[str, Any]:
    """What the harness reads of a condition."""
    sets = condition.family.topic_sets
    return {
        "name": condition.name,
        "display": condition.display,
        "display-html": condition.display,
        "display-row": "",
        "command": condition.command,
        "topics" if sets else "datasets": [_task_as_yaml(task) for task in condition.tasks],
    }


def _task_as_yaml(task: Task) -> dict[str, Any]:
    scores: dict[str, float] = {measure: one.value for measure, one in task.scores.items()}
    if task.family.topic_sets:  # of a condition without any score its last table would not know
        missing = [one for one in task.family.measures_for(task.key) if one not in scores]
        scores |= {measure: NoScore() for measure in missing}
        place = {"topic_key": task.key, "eval_key": task.evaluation}
    else:
        place = {"dataset": task.key}
        if task.query_prefix:
            place["query_prefix"] = task.query_prefix
    return {**place, "scores": [scores]}


def _table(
    condition: Condition, measured: dict[tuple[str, str], float] | None, dataset: str | None
) -> str:
    """The scores of a condition, measured or expected, a line each dataset."""
    measures = list(condition.family.measures)
    lines = [f"{condition.name:25}" + "".join(f"{measure:>10}" for measure in measures)]
    for task in condition.tasks:
        if dataset in (None, task.key):
            if measured is None:
                found = {measure: one.value for measure, one in task.scores.items()}
            else:
                found = {
                    one: measured[task.run, one] for one in measures if (task.run, one) in measured
                }
            cells = [f"{found[m]:10.4f}" if m in found else f"{'–':>10}" for m in measures]
            lines.append(f"{task.key:25}{''.join(cells)}")
    return "\n".join(lines)


def _section(family: Family) -> str:
    """Our conditions as a part of a page."""
    parts = [f"<h2>{_HEADING}</h2>"]
    measures = list(family.measures)
    heads = "".join(f"<th>{html.escape(one)}</th>" for one in measures)
    for condition in load_family(family):
        rows = []
        for task in condition.tasks:
            found = {measure: f"{one.value:.4f}" for measure, one in task.scores.items()}
            cells = "".join(f"<td>{found.get(one, '–')}</td>" for one in measures)
            rows.append(f"<tr><td>{html.escape(task.key)}</td>{cells}</tr>")
        first = condition.tasks[0]
        commands = [step.text for step in first.steps()] + [one.text for one in first.evaluations()]
        parts += [
            f"<details><summary>{html.escape(condition.display)}</summary>",
            f"<table><tr><th></th>{heads}</tr>",
            *rows,
            f"</table>\n<p>Commands of {html.escape(first.key)}:</p>",
            f"<pre><code>{html.escape(chr(10).join(commands))}</code></pre></details>",
        ]
    return "\n".join([*parts, ""])
