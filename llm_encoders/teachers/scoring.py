"""Scores of stored passages by a teacher."""

from collections.abc import Sequence

import torch

from llm_encoders.data.passages import Passages
from llm_encoders.errors import EncoderError
from llm_encoders.teachers.base import Passage, Teacher

Groups = Sequence[tuple[str, Sequence[Passage]]]


def passages_of(store: Passages, rows: list[int]) -> list[Passage]:
    """What a teacher reads of these passages."""
    texts, titles = store.texts(rows)
    return [Passage(row, title, text) for row, title, text in zip(rows, titles, texts, strict=True)]


def teacher_scores(teacher: Teacher, groups: Groups) -> list[list[float]]:
    """Scores of every (query, its passages).

    Raises:
        EncoderError: the teacher's batches do not fit into memory.
    """
    try:
        return teacher.scores(groups)
    except torch.OutOfMemoryError as error:
        raise EncoderError(
            f"Out of memory: {str(error).splitlines()[0]} Lower the teacher's --batch-size."
        ) from None
