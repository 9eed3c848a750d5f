"""Kinds of students, one a file.

A new one is a file here, a line in :data:`STUDENTS`, its name and keys in ``recipe/sections.py``,
and the list of its keys in ``recipe/checks.py``.
"""

from llm_encoders.distill_query.students.layers import LAYERS
from llm_encoders.distill_query.students.lookup import LOOKUP
from llm_encoders.distill_query.students.student import Student, StudentKind
from llm_encoders.distill_query.students.transformer import TRANSFORMER

STUDENTS: dict[str, StudentKind] = {kind.name: kind for kind in (TRANSFORMER, LAYERS, LOOKUP)}
"""By name."""

__all__ = ["STUDENTS", "Student", "StudentKind"]
