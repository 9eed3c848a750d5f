"""What is shown of a folder whose queries and passages are not encoded by one model."""

import pytest

from llm_encoders import EncoderError
from llm_encoders.models.reading import read
from tests.llm_encoders.towers import CONTRACTS, write_decoder, write_student, write_towers


def test_only_the_keys_of_its_own_side_are_shown(tmp_path):
    teacher = write_decoder(tmp_path / "teacher", CONTRACTS["dense"])
    student = write_student(tmp_path / "student", teacher)
    table = read(str(student)).table()
    assert f"passage side: encoded by {teacher}, which teacher.json names" in table
    assert "passage_encoder" in table and "query_prefix" in table
    assert "passage_prefix" not in table
    towers = write_towers(tmp_path / "towers", teacher, student)
    table = read(str(towers)).table()
    assert f"query side: encoded as {towers / 'query' / 'encoder_config.json'} says" in table
    assert "query_prefix" not in table and "passage_prefix" in table
    (student / "teacher.json").unlink()
    with pytest.raises(EncoderError, match="there is no .*teacher.json"):
        read(str(student))
