"""The shipped encoders as teachers, and a table for each."""

from typing import Any

import pytest

from llm_encoders import load_lookup
from tests.llm_encoders.encoding.lookup.student import Student, make_student


@pytest.fixture(scope="session")
def sparse() -> Student:
    return make_student("sparse")


@pytest.fixture(scope="session")
def dense() -> Student:
    return make_student("dense")


@pytest.fixture
def opened(tmp_path):
    """``opened(student, **changes)``: the encoder of a folder that is written so."""

    def opened(student: Student, **changes: Any) -> Any:
        return load_lookup(student.write(tmp_path / "student", **changes))

    return opened
