"""The work of several conditions: every step once, after the steps whose outputs it reads."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from llm_encoders.errors import UsageError
from pyserini_ext.conditions import Condition, Step, Task
from pyserini_ext.regress.data import Collections, Localised


@dataclass(eq=False)
class Node:
    """A step, and the steps that come before it."""

    step: Step
    before: list["Node"] = field(default_factory=list)


@dataclass(eq=False)
class PlannedTask:
    """A task with its steps, and the last of them, which writes the run."""

    task: Task
    place: Localised
    nodes: list[Node]


@dataclass(eq=False)
class Plan:
    """What is to be done."""

    conditions: list[tuple[Condition, list[PlannedTask]]]
    nodes: list[Node]
    """Every step once; a step stands behind those that it needs."""


def make_plan(
    conditions: Sequence[Condition], collections: Collections, required: bool = True
) -> Plan:
    """Plan the steps of all tasks.

    Args:
        conditions: with the tasks to do.
        collections: where they are.
        required: whether all collections must be there.

    Raises:
        UsageError: a collection is missing, or two steps write one file differently.
    """
    nodes: dict[str, Node] = {}
    planned = []
    for condition in conditions:
        tasks = []
        for task in condition.tasks:
            place = collections.localised(task, required)
            own: list[Node] = []
            for step in place.steps:
                node = nodes.setdefault(step.output, Node(step))
                if node.step != step:
                    raise UsageError(
                        f"Two steps write {step.output}: '{node.step.text}' and '{step.text}'. "
                        "Run the conditions one by one, each with an --output of its own."
                    )
                if node not in own:
                    node.before = node.before or [one for one in own if step.reads(one.step.output)]
                    own.append(node)
            tasks.append(PlannedTask(task, place, own))
        planned.append((condition, tasks))
    return Plan(planned, list(nodes.values()))
