"""Conditions: what Pyserini's harness of two-click reproductions (2CR) runs, and with what result.

They are files in the schema of ``pyserini/2cr/*.yaml``, in ``reproductions/conditions`` of a clone
and in this package where it is installed. A condition is a system on a family of test collections;
each of its tasks is a set of topics with commands, and with scores whose sources are named::

    for condition in load_conditions():
        for task in condition.tasks:
            for step in task.steps():
                print(step.text)
            for metric, score in task.scores.items():
                print(metric, score.value, score.source)
"""

from pyserini_ext.conditions.condition import Condition, Score, Source, Task
from pyserini_ext.conditions.families import FAMILIES, Family
from pyserini_ext.conditions.loading import load_conditions, load_family, select
from pyserini_ext.conditions.steps import Step

__all__ = [
    "FAMILIES",
    "Condition",
    "Family",
    "Score",
    "Source",
    "Step",
    "Task",
    "load_conditions",
    "load_family",
    "select",
]
