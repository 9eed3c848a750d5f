"""Where test collections are on this machine, and the topics and judgements that come with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from llm_encoders.corpora.beir import BeirFolder, is_beir
from llm_encoders.errors import UsageError
from pyserini_ext.conditions import Step, Task
from pyserini_ext.conditions.steps import COLLECTIONS

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
    sources: tuple[Path, ...]
    """Files of the collections that are read."""


class Collections:
    """Folders that hold test collections.

    Args:
        folders: each has collections as its entries, or is one itself.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [folder.absolute() for folder in folders]

    def find(self, word: str) -> Path | None:
        """The place of ``collections/NAME…``."""
        name, *rest = PurePosixPath(word).parts[1:]
        for folder in self._folders:
            candidates = [folder / name]
            if folder.name == name:
                candidates.append(folder)
            for candidate in candidates:
                if (found := candidate.joinpath(*rest)).exists():
                    return found
        return None

    def missing(self, task: Task) -> list[str]:
        """What a task reads below ``collections/`` and no folder has."""
        words = dict.fromkeys(word for step in task.steps() for word in step.collections)
        return [word for word in words if self.find(word) is None]

    def localised(self, task: Task) -> Localised:
        """A task with its collections, and their own topics and judgements, where they have any.

        Raises:
            UsageError: a collection is missing; names it.
        """
        if missing := self.missing(task):
            listed = " and ".join(map(str, self._folders))
            raise UsageError(
                f"{task.family.name}/{task.condition}/{task.key} reads {missing[0]}, which is not "
                f"in {listed}. Name the folder that {COLLECTIONS}/ stands for with --data."
            )
        steps = task.steps()
        words = {word for step in steps for word in step.collections}
        places = {word: str(self.find(word)) for word in words}
        local = [step.with_places(places) for step in steps]
        sources = [Path(place) for place in places.values()]
        if any(step.module == "pyserini_ext.beir" for step in steps):
            return Localised(tuple(local), task.evaluation, tuple(map(_collection, sources)))
        folder = _collection(sources[0])
        topics, qrels = (folder / name for name in _MS_MARCO.get(task.key, ("", "")))
        if is_beir(folder) and _SPLIT in BeirFolder(folder).splits():
            prepared = f"prepared/{task.family.name}-{task.key}"
            words_ = ("--collection", str(folder), "--output", prepared, "--topics-only")
            local = [
                Step("pyserini_ext.beir", words_),
                *(_with_topics(step, f"{prepared}/topics.json") for step in local),
            ]
            return Localised(tuple(local), f"{prepared}/qrels.txt", (folder,))
        if topics.is_file() and qrels.is_file():
            local = [_with_topics(step, str(topics)) for step in local]
            return Localised(tuple(local), str(qrels), (*sources, topics, qrels))
        return Localised(tuple(local), task.evaluation, tuple(sources))


def _collection(place: Path) -> Path:
    return place.parent if place.is_file() else place


def _with_topics(step: Step, topics: str) -> Step:
    if not step.values("--topics"):
        return step
    return step.with_value("--topics", topics).without("--topics-format")
