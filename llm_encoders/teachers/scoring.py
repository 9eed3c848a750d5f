"""Scores of stored passages by a teacher, computed so that a kill costs seconds."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from llm_encoders.data.passages import Passages
from llm_encoders.errors import EncoderError
from llm_encoders.jobs.resumable_batches import Progress, StoredRows, run_batches
from llm_encoders.teachers.base import Group, Passage, Teacher


def passages_of(store: Passages, rows: Sequence[int]) -> list[Passage]:
    """What a teacher reads of these passages."""
    texts, titles = store.texts(rows)
    return [Passage(row, title, text) for row, title, text in zip(rows, titles, texts, strict=True)]


def windows(sizes: Iterable[int], most: int) -> Iterator[range]:
    """Neighbouring groups that are scored together.

    Windows depend on the sizes alone, so a run that is resumed has the same batches.

    Args:
        sizes: pairs of every group.
        most: pairs of a window; a group that has more is a window of its own.
    """
    first, following, pairs = 0, 0, 0
    for size in sizes:
        if following > first and pairs + size > most:
            yield range(first, following)
            first, pairs = following, 0
        following, pairs = following + 1, pairs + size
    if following > first:
        yield range(first, following)


class TeacherScores:
    """A teacher's scores, window by window, with the work of the present window on the disk.

    Args:
        teacher: gives the scores.
        fingerprint: what they depend on.
        folder: takes the batches of one window; removed by the caller.
        progress: told after every batch.
    """

    def __init__(
        self,
        teacher: Teacher,
        fingerprint: dict[str, Any],
        folder: Path,
        progress: Progress = lambda what, done, count: None,
    ) -> None:
        self._teacher, self._fingerprint = teacher, fingerprint
        self._folder, self._progress = folder, progress

    def __call__(self, window: str, groups: Sequence[Group]) -> list[list[float]]:
        """Scores of every (query, its passages).

        Args:
            window: names the groups; the same name stands for the same groups.
            groups: queries with their passages.

        Raises:
            EncoderError: the teacher's batches do not fit into memory, or a score is NaN.
        """

        def run(
            what: str, count: int, batch_size: int, compute: Callable[[slice], Any]
        ) -> StoredRows:
            done = 0

            def rows_done(rows: int) -> None:
                nonlocal done
                done += rows
                self._progress(what, done, count)

            job = {"window": window, "fingerprint": self._fingerprint}
            return run_batches(self._folder / what, job, count, batch_size, compute, rows_done)

        try:
            return self._teacher.scores(groups, run)
        except torch.OutOfMemoryError as error:
            raise EncoderError(
                f"Out of memory: {str(error).splitlines()[0]} Lower the teacher's --batch-size."
            ) from None
