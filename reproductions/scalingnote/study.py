"""The study as data: what is made, what is evaluated, what is compared."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_encoders.errors import UsageError, listed
from llm_encoders.reading import parse_yaml, read_text

FILE = Path(__file__).with_name("study.yaml")
RECIPES = "reproductions/recipes"
BEIR = "BEIR"
"""What recipes and commands call the folder of collections in BEIR layout."""
_EVALUATIONS = "runs/scalingnote/evaluations"


@dataclass(frozen=True)
class Step:
    """What one command makes."""

    name: str
    output: str
    """File or folder."""
    recipe: str | None = None
    """Of :data:`RECIPES`: of a query tower if it names a teacher, else of the trainer."""
    changes: tuple[str, ...] = ()
    """``key=value`` overrides of the recipe."""
    command: str | None = None
    page: str | None = None
    """Page that says how to make it, where no command of the study does."""
    needs: tuple[str, ...] = ()
    """Steps that come before."""
    label: str | None = None
    seed: int | None = None

    def words(self, collections: str) -> list[str]:
        """The command.

        Args:
            collections: folder that holds the collections.
        """
        if self.command is not None:
            return [_placed(word, collections) for word in shlex.split(self.command)]
        path = f"{RECIPES}/{self.recipe}.yaml"
        recipe: dict[str, Any] = parse_yaml(read_text(Path(path)), path)
        module = "distill_query" if "teacher" in recipe else "train"
        places = dict(_places(recipe, collections)) if collections != BEIR else {}
        changes = [f"{key}={value}" for key, value in places.items()]
        changes += [f"output={self.output}"] if recipe["output"] != self.output else []
        changes += [_placed(one, collections) for one in self.changes]
        return ["python", "-m", f"llm_encoders.{module}", path, *changes]


@dataclass(frozen=True)
class Evaluation:
    """A teacher and its students on collections; without students, an encoder alone."""

    group: str
    name: str
    teacher: str
    """A step, or the name of an encoder."""
    students: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    """Empty for all."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of steps that are called otherwise here."""
    plot: bool = False
    """Whether quality is drawn over speed."""
    timed: int | None = None
    """Queries that are timed, where speed does not matter; ``None`` for as many as usual."""


@dataclass(frozen=True)
class Comparison:
    """Encoders of a group, by label: the first against each of the others."""

    group: str
    first: str
    others: tuple[str, ...]
    name: str | None = None
    """The evaluation; ``None`` for all of the group."""


@dataclass(frozen=True)
class Study:
    """All of it."""

    threads: int
    collections: Mapping[str, Mapping[str, Any]]
    """``folder`` and ``split`` by name."""
    steps: Mapping[str, Step]
    evaluations: tuple[Evaluation, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def groups(self) -> list[str]:
        """In order."""
        return list(dict.fromkeys(one.group for one in self.evaluations))

    def evaluations_of(self, groups: Sequence[str]) -> list[Evaluation]:
        """The evaluations of these groups, in order."""
        return [one for one in self.evaluations if one.group in groups]

    def steps_of(self, groups: Sequence[str]) -> list[Step]:
        """What these groups need, each behind what it needs itself."""
        found: dict[str, Step] = {}

        def add(name: str) -> None:
            if name in self.steps and name not in found:
                for one in self.steps[name].needs:
                    add(one)
                found[name] = self.steps[name]

        for one in self.evaluations_of(groups):
            for name in (one.teacher, *one.students):
                add(name)
        return list(found.values())

    def encoder(self, name: str) -> str:
        """What ``--encoder`` takes: the output of a step, or the name as it is."""
        return self.steps[name].output if name in self.steps else name

    def label(self, name: str, evaluation: Evaluation) -> str:
        """What an encoder is called in an evaluation."""
        own = self.steps[name].label if name in self.steps else None
        return evaluation.labels.get(name, own or name)

    def evaluate(self, one: Evaluation, collection: str, collections: str) -> list[str]:
        """The command of an evaluation on a collection.

        Evaluations of one teacher share the folder that holds its vectors of the passages.
        """
        place, teacher = self.collections[collection], self.encoder(one.teacher)
        students = [self.encoder(name) for name in one.students]
        return [
            *("python", "-m", "llm_encoders.distill_query", "evaluate"),
            *("--collection", f"{collections}/{place['folder']}", "--split", place["split"]),
            *("--teacher", teacher, *(["--students", *students] if students else [])),
            *("--output", evaluation_folder(teacher, place["folder"])),
            *("--threads", str(self.threads)),
            *self._rounds(one, place),
        ]

    @staticmethod
    def _rounds(one: Evaluation, place: Mapping[str, Any]) -> list[str]:
        if one.timed is not None:
            return ["--repeats", "1", "--timed", str(one.timed)]
        return ["--repeats", str(place["repeats"])] if "repeats" in place else []


def evaluation_folder(teacher: str, folder: str) -> str:
    """Where an evaluation writes."""
    return f"{_EVALUATIONS}/{Path(teacher).name}/{folder}"


def load(path: Path = FILE) -> Study:
    """Read the study.

    Raises:
        UsageError: a step, collection or label that is named and is not there.
    """
    values = parse_yaml(read_text(path), str(path))
    steps = {name: Step(name, **_tuples(one)) for name, one in values["steps"].items()}
    study = Study(
        values["threads"],
        values["collections"],
        steps,
        tuple(Evaluation(**_tuples(one)) for one in values["evaluations"]),
        tuple(Comparison(**_tuples(one)) for one in values["comparisons"]),
    )
    for one in steps.values():
        _require(path, one.name, one.needs, steps)
        if sum(way is not None for way in (one.recipe, one.command, one.page)) != 1:
            raise UsageError(f"{path}: give {one.name} one of recipe, command and page.")
    for evaluation in study.evaluations:
        place = f"{evaluation.group}/{evaluation.name}"
        _require(path, place, (*evaluation.students, *evaluation.labels), steps)
        _require(path, place, evaluation.collections, study.collections)
    return study


def _require(path: Path, place: str, names: Sequence[str], known: Mapping[str, Any]) -> None:
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"{path}: {place} names {listed(unknown)}, which is not in the study.")


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(one) if isinstance(one, list) else one for key, one in values.items()}


def _placed(word: str, collections: str) -> str:
    return word.replace(f"{BEIR}/", f"{collections}/")


def _places(values: Any, collections: str, path: str = "") -> Iterator[tuple[str, str]]:
    """Overrides of the keys of a recipe that name a collection."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _places(value, collections, f"{path}{key}.")
        elif isinstance(value, list) and any(f"{BEIR}/" in str(one) for one in value):
            yield f"{path}{key}", json.dumps([_placed(one, collections) for one in value])
        elif isinstance(value, str) and value.startswith(f"{BEIR}/"):
            yield f"{path}{key}", _placed(value, collections)
