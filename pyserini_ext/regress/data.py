"""Where test collections are on this machine, and the topics and judgements that come with them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from llm_encoders.corpora.beir import BeirFolder, is_beir
from llm_encoders.corpora.files import reading
from llm_encoders.errors import UsageError
from pyserini_ext.conditions import Step, Task
from pyserini_ext.conditions.steps import COLLECTIONS

BEIR = "pyserini_ext.beir"
_SPLIT = "test"
_MS_MARCO = {
    "msmarco-v1-passage.dev": ("queries.dev.small.tsv", "qrels.dev.small.tsv"),
    "dl19-passage": ("msmarco-test2019-queries.tsv", "2019qrels-pass.txt"),
    "dl20-passage": ("msmarco-test2020-queries.tsv", "2020qrels-pass.txt"),
}
"""Names of queries and judgements as MS MARCO and TREC publish them."""


@dataclass(frozen=True)
class Localised:
    """A task with everything that is on disk at its place."""

    steps: tuple[Step, ...]
    evaluation: str
    """Qrels: Pyserini's name of them, or a file."""


class Collections:
    """Folders that hold test collections.

    Args:
        folders: each has collections as its entries, or is one itself.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [folder.absolute() for folder in folders]

    def find(self, word: str) -> Path | None:
        """The place of ``collections/NAME…``.

        Raises:
            UsageError: there are two.
        """
        name, *rest = PurePosixPath(word).parts[1:]
        places: list[Path] = []
        for folder in self._folders:
            candidates = [folder / name]
            if folder.name == name:
                candidates.append(folder)
            for candidate in candidates:
                found = candidate.joinpath(*rest)
                if found.exists() and not any(found.samefile(one) for one in places):
                    places.append(found)
        if len(places) > 1:
            raise UsageError(f"{word} may be {places[0]} or {places[1]}; name one of them only.")
        return places[0] if places else None

    def localised(self, task: Task, required: bool = True) -> Localised:
        """A task with its collections, and their own topics and judgements, where they have any.

        Args:
            task: of a condition.
            required: whether its collections must be there; else they keep their names.

        Raises:
            UsageError: a collection is missing; names it.
        """
        steps = task.steps()
        words = list(dict.fromkeys(word for step in steps for word in step.collections))
        places = {word: found for word in words if (found := self.find(word)) is not None}
        missing = [word for word in words if word not in places]
        if missing and required:
            listed = " and ".join(map(str, self._folders))
            raise UsageError(
                f"{task.family.name}/{task.condition}/{task.key} reads {missing[0]}, which is not "
                f"in {listed}. Name the folder that {COLLECTIONS}/ stands for with --data."
            )
        local = [
            step.with_places({word: str(found) for word, found in places.items()}) for step in steps
        ]
        made_here = any(step.module == BEIR for step in steps)
        if missing or not places or made_here:
            return Localised(tuple(local), task.evaluation)
        place = places[words[0]]
        return _with_own_topics(task, local, place.parent if place.is_file() else place)


def other_corpus(task: Task, steps: Sequence[Step]) -> str:
    """That the documents on disk are not those of the expected scores; empty if they are.

    Args:
        task: with the SHA-256 of its corpus, or without, which says nothing.
        steps: of the task, with the collection at its place.
    """
    for step in steps:
        if step.module != BEIR or not task.corpus:
            continue
        path = BeirFolder(Path(step.values("--collection")[0])).corpus
        sha256 = hashlib.sha256()
        with reading(path) as stream:
            while block := stream.read(1 << 20):
                sha256.update(block)
        found = sha256.hexdigest()
        if found != task.corpus:
            return (
                f"{path} is another copy of {task.key} than the one that the expected scores were "
                f"measured on: its SHA-256 is {found}, not {task.corpus}."
            )
    return ""


def _with_own_topics(task: Task, steps: list[Step], folder: Path) -> Localised:
    """The steps with topics and judgements of the collection's folder, if it has them."""
    if is_beir(folder) and _SPLIT in BeirFolder(folder).splits():
        prepared = f"prepared/{task.family.name}-{task.key}"
        words = ("--collection", str(folder), "--output", prepared, "--topics-only")
        searches = [_with_topics(step, f"{prepared}/topics.json") for step in steps]
        return Localised((Step(BEIR, words), *searches), f"{prepared}/qrels.txt")
    if task.key in _MS_MARCO:
        topics, qrels = (folder / name for name in _MS_MARCO[task.key])
        if topics.is_file() and qrels.is_file():
            return Localised(tuple(_with_topics(step, str(topics)) for step in steps), str(qrels))
    return Localised(tuple(steps), task.evaluation)


def _with_topics(step: Step, topics: str) -> Step:
    if not step.values("--topics"):
        return step
    return step.with_value("--topics", topics).without("--topics-format")
