"""What a regression found, as values, and as text."""

import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pyserini_ext.conditions import Condition
from pyserini_ext.regress.execution import StepResult, TaskResult
from pyserini_ext.regress.fingerprints import versions
from pyserini_ext.regress.verdict import FAIL, OK, OKISH, UNKNOWN, Verdict

Results = Sequence[tuple[Condition, Sequence[TaskResult]]]


def report(results: Results, start: datetime, seconds: float, cpu: float) -> dict[str, Any]:
    """Everything as JSON has it.

    Args:
        results: tasks by condition.
        start: of the work, in UTC.
        seconds: wall time of all.
        cpu: seconds of CPU that the commands used.
    """
    tasks = [task for _, found in results for task in found]
    return {
        "started": start.astimezone(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "cpu seconds": round(cpu, 1),
        "machine": machine(),
        "versions": versions(),
        "failed": sum(task.failed for task in tasks),
        "new": sum(task_word(task) == UNKNOWN for task in tasks),
        "tasks": len(tasks),
        "conditions": [
            {
                "condition": condition.selector,
                "display": condition.display,
                "tasks": [_task(task) for task in found],
            }
            for condition, found in results
        ],
    }


def machine() -> dict[str, Any]:
    """Where the commands ran."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "name": platform.node(),
        "system": platform.platform(terse=True),
        "processor": platform.processor() or platform.machine(),
        "cores": cores,
        "accelerator": _accelerator(),
        "python": platform.python_version(),
    }


def _accelerator() -> str | None:
    """The GPU; where no encoder was needed, PyTorch is not imported to know."""
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch and torch.cuda.is_available() else None


def _task(task: TaskResult) -> dict[str, Any]:
    return {
        "key": task.task.key,
        "result": task_word(task),
        "problem": task.problem or None,
        "scores": {measure: _verdict(one) for measure, one in task.verdicts.items()},
        "steps": [_step(one) for one in task.steps],
        "evaluation": task.evaluations,
        "run": task.task.run,
    }


def _verdict(one: Verdict) -> dict[str, Any]:
    expected = one.expected
    return {
        "measured": one.measured,
        "expected": expected and expected.value,
        "source": str(expected.source) if expected else None,
        "result": one.word,
    }


def _step(one: StepResult) -> dict[str, Any]:
    return {
        "command": one.text,
        "seconds": round(one.seconds, 1),
        "reused": one.reused,
        "made again because": one.remark or None,
        "problem": one.problem or None,
        "log": one.log or None,
    }


def task_word(task: TaskResult) -> str:
    """The worst of the task's verdicts; ``new`` where no score is expected."""
    words = [one.word for one in task.verdicts.values()]
    if task.failed:
        return FAIL
    return next((word for word in (OKISH, OK) if word in words), UNKNOWN)


def text(results: Results) -> str:
    """The scores as a table for a terminal, and why tasks failed."""
    lines = []
    for condition, found in results:
        lines.append(f"{condition.selector}")
        for task in found:
            scores = "  ".join(_cell(measure, one) for measure, one in task.verdicts.items())
            made = sum(one.seconds for one in task.steps if not one.reused)
            time = f"{made:.0f} s" if made else "used again"
            lines.append(f"  {task.task.key:24} {task_word(task):5}  {scores}  ({time})")
            if task.problem:
                lines.append(f"    {task.problem}")
    tasks = [task for _, found in results for task in found]
    failed = sum(task.failed for task in tasks)
    new = sum(task_word(task) == UNKNOWN for task in tasks)
    fine = len(tasks) - failed - new
    lines.append(f"{len(tasks)} tasks: {fine} OK, {failed} failed, {new} without expected scores.")
    return "\n".join(lines)


def _cell(measure: str, one: Verdict) -> str:
    mark = {OK: "", UNKNOWN: " new"}.get(one.word)
    if mark is None:
        assert one.expected is not None
        mark = f" {one.word}, expected {one.expected.value:.4f}"
    return f"{measure} {one.measured:.4f}{mark}"
