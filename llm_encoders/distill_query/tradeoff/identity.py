"""Whether students were distilled from the encoder that they are compared with."""

from collections.abc import Sequence
from pathlib import Path

from llm_encoders.checkpoints.comparison import differences
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.checkpoints.teacher import TEACHER_NAME
from llm_encoders.checkpoints.two_sides import passage_identity, require_passages
from llm_encoders.errors import UsageError


def require_students(teacher: str, students: Sequence[str], files: Sequence[Checkpoint]) -> None:
    """Refuse query encoders that search another index than the teacher's.

    Args:
        teacher: as the user wrote it.
        students: as well.
        files: of the teacher, then of the students.

    Raises:
        UsageError: the teacher encodes no passages; a student is named twice, has no teacher, or
            another one; says which.
    """
    require_passages(files[0])
    seen: dict[tuple[Path, str], str] = {}
    for name, one in zip(students, files[1:], strict=True):
        known = (one.folder.resolve(), name.partition(",")[2])
        if known in seen:
            also = "" if seen[known] == name else f", also as {seen[known]}"
            raise UsageError(f"The student {name} is named twice{also}; leave one out.")
        seen[known] = name
    contract, weights = passage_identity(files[0])
    for name, one in zip(students, files[1:], strict=True):
        if one.teacher is None:
            raise UsageError(
                f"{name} is no student: its folder has no {TEACHER_NAME}, so it searches no other "
                "encoder's index. Name folders that 'python -m llm_encoders.distill_query' wrote."
            )
        its = f"the teacher of {name}"
        if listed := differences(one.teacher.contract, contract, (its, teacher)):
            raise UsageError(
                f"{name} was distilled from {one.teacher.name}, whose contract is another than "
                f"that of {teacher}: {listed}. Name that teacher, or students of this one."
            )
        if one.teacher.weights != weights:
            raise UsageError(
                f"{name} was distilled from {one.teacher.name}, which has other weights than "
                f"{teacher}. Name that teacher, or students of this one."
            )
