"""Kinds of students, one a file. A new one is a file here and a line in :data:`STUDENTS`."""

from llm_encoders.distill_query.students.layers import LAYERS
from llm_encoders.distill_query.students.lookup import LOOKUP
from llm_encoders.distill_query.students.student import Student, StudentKind
from llm_encoders.distill_query.students.transformer import TRANSFORMER

STUDENTS: dict[str, StudentKind] = {kind.name: kind for kind in (TRANSFORMER, LAYERS, LOOKUP)}
"""By name."""

__all__ = ["STUDENTS", "Student", "StudentKind"]
