"""Finding the files of conditions, and choosing among conditions by name."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

from llm_encoders import registry
from llm_encoders.errors import EncoderError, UsageError, nearest
from pyserini_ext.conditions.condition import Condition, Score, Source, Task
from pyserini_ext.conditions.families import FAMILIES, Family
from pyserini_ext.conditions.reading import read_conditions

_INSTALLED = Path(__file__).parent / "files"  # where setup.py puts them in a wheel
_CLONE = Path(__file__).parents[2] / "reproductions" / "conditions"


def conditions_folder() -> Path:
    """Where the files are: in the package, or beside it in a clone.

    Raises:
        EncoderError: in neither.
    """
    for folder in (_INSTALLED, _CLONE):
        if folder.is_dir():
            return folder
    raise EncoderError(f"There are no conditions in {_INSTALLED} or {_CLONE}; install again.")


def load_conditions(folder: Path | None = None) -> list[Condition]:
    """All conditions, family by family.

    Args:
        folder: of the files; default :func:`conditions_folder`.

    Raises:
        EncoderError, UsageError: see :func:`~pyserini_ext.conditions.reading.read_conditions`.
    """
    place = folder or conditions_folder()
    if not place.is_dir():
        raise UsageError(f"There is no folder {place}.")
    names = {f"{name}.yaml" for name in FAMILIES}
    found = sorted(path.name for path in place.glob("*.y*ml"))
    if others := [name for name in found if name not in names]:
        raise UsageError(
            f"{place / others[0]}: no family of collections is called that; the files are "
            f"{', '.join(sorted(names))}.{nearest(others[0], names)}"
        )
    if not found:
        raise UsageError(f"There are no files of conditions in {place}, such as tiny.yaml.")
    return [one for family in FAMILIES.values() for one in load_family(family, folder)]


@functools.lru_cache(maxsize=len(FAMILIES) * 2)
def load_family(family: Family, folder: Path | None = None) -> tuple[Condition, ...]:
    """The conditions of a family; none where the folder has no file of it.

    Scores that a preset's publisher has published are added to those of the file.

    Args:
        family: one of :data:`~pyserini_ext.conditions.families.FAMILIES`.
        folder: as of :func:`load_conditions`.
    """
    path = (folder or conditions_folder()) / f"{family.name}.yaml"
    if not path.exists():
        return ()
    return tuple(_with_published(one, path) for one in read_conditions(path, family))


def _with_published(condition: Condition, path: Path) -> Condition:
    if len(condition.encoders) != 1 or condition.encoders[0] not in registry.presets():
        return condition
    preset = registry.presets()[condition.encoders[0]]
    tasks = []
    for task in condition.tasks:
        scores = dict(task.scores)
        for measure, score in _published(task, preset).items():
            if measure in scores:
                raise UsageError(
                    f"{path}: {condition.name}, {task.key}: the preset {preset.name} has {measure} "
                    "already; leave one out."
                )
            scores[measure] = score
        tasks.append(dataclasses.replace(task, scores=scores))
    return dataclasses.replace(condition, tasks=tuple(tasks))


def _published(task: Task, preset: registry.Preset) -> dict[str, Score]:
    """A preset's scores of a task; presets have them in percent."""
    family = task.family
    found = {}
    for one in preset.scores:
        measure = family.published_measures.get(one["metric"], one["metric"])
        known = measure in family.measures_for(task.key)
        if known and family.published_as.get(one["dataset"]) == task.key:
            source = Source(published=str(one["source"]))
            found[measure] = Score(round(float(one["value"]) / 100, 4), source)
    return found


def select(conditions: Sequence[Condition], selectors: Sequence[str]) -> list[Condition]:
    """The conditions that are named, each once, in their order; with the tasks that are named.

    Args:
        conditions: all there are.
        selectors: ``FAMILY``, ``CONDITION`` (of every family), ``FAMILY/CONDITION`` or
            ``FAMILY/CONDITION/KEY``.

    Raises:
        UsageError: one names nothing; names the nearest.
    """
    chosen: dict[tuple[str, str], None] = {}
    for selector in selectors:
        found = [
            (one.selector, task.key)
            for one in conditions
            for task in one.tasks
            if selector in (one.family.name, one.name, one.selector, f"{one.selector}/{task.key}")
        ]
        if not found:
            raise UsageError(f"No condition '{selector}'.{nearest(selector, _names(conditions))}")
        chosen |= dict.fromkeys(found)
    parts = [
        dataclasses.replace(
            one, tasks=tuple(t for t in one.tasks if (one.selector, t.key) in chosen)
        )
        for one in conditions
    ]
    return [part for part in parts if part.tasks]


def _names(conditions: Sequence[Condition]) -> list[str]:
    names = {name for one in conditions for name in (one.family.name, one.name, one.selector)}
    keys = {f"{one.selector}/{task.key}" for one in conditions for task in one.tasks}
    return sorted(names | keys)
