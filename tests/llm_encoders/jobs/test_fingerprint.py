"""Two fingerprints are the same or the message says what differs."""

import os

import pytest

from llm_encoders import UsageError
from llm_encoders.jobs.fingerprint import (
    describe,
    differences,
    file_fingerprints,
    flatten,
    require_same,
)


def test_nested_keys_are_named_one_by_one():
    assert flatten({"encoder": {"dtype": "float32", "side": {"length": 3}}, "seed": 1}, ".") == {
        "encoder.dtype": "float32",
        "encoder.side.length": 3,
        "seed": 1,
    }
    (found,) = differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}})
    assert str(found) == "a c was 2, now 3"


def test_what_json_cannot_tell_apart_is_the_same():
    assert not differences({"shape": (1, 2), "backbone": None}, {"shape": [1, 2]})


def test_a_key_that_is_new_or_gone_differs():
    found = describe(differences({"dtype": "float32"}, {"kind": "bi-encoder"}))
    assert found == "dtype was float32, now absent; kind was absent, now bi-encoder"


def test_many_differences_and_long_values_are_cut():
    old, new = ({str(key): f"{value}{key}" * 50 for key in range(7)} for value in "ab")
    found = describe(differences(old, new))
    assert found.endswith("; and 3 more") and found.count("…") == 8


def test_another_job_is_refused():
    require_same({"seed": 1}, {"seed": 1}, "x", "y")
    with pytest.raises(
        UsageError, match=r"^OUT is of another run: seed was 1, now 2\. Overwrite\."
    ):
        require_same({"seed": 1}, {"seed": 2}, "OUT is of another run", "Overwrite.")


@pytest.mark.parametrize("change", ["size", "time"])
def test_a_file_that_changes_has_another_fingerprint(tmp_path, change):
    path = tmp_path / "corpus.jsonl"
    path.write_text("1234")
    os.utime(path, ns=(10**18, 10**18))
    before = file_fingerprints([path])
    assert before == {str(path): "4 bytes of 2001-09-09 01:46:40.000000000"}
    if change == "size":
        path.write_text("12345")
        os.utime(path, ns=(10**18, 10**18))
    else:
        os.utime(path, ns=(10**18 + 1, 10**18 + 1))
    (found,) = differences({"files": before}, {"files": file_fingerprints([path])})
    assert found.key == f"files {path}"
