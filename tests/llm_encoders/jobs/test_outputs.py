"""Whether a file can be written is known before the work."""

import os

import pytest

from llm_encoders.errors import EncoderError
from llm_encoders.jobs import outputs
from llm_encoders.jobs.outputs import require_writable


def test_a_file_that_can_be_written_is_not_touched(tmp_path):
    path = tmp_path / "there.json"
    path.write_text("kept")
    require_writable(path, "--output")
    require_writable(tmp_path / "new.json", "--output")
    assert path.read_text() == "kept" and os.listdir(tmp_path) == ["there.json"]


def test_faults_name_option_and_file(tmp_path):
    for path, problem in (
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "x.json", f"there is no folder {tmp_path / 'no'}"),
    ):
        with pytest.raises(EncoderError, match=f"--output {path}.*{problem}"):
            require_writable(path, "--output")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(EncoderError, match="pipe is no ordinary file"):
        require_writable(tmp_path / "pipe", "--output")


def test_a_folder_that_takes_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "temporary_name", lambda path: path.with_name("x" * 300))
    with pytest.raises(EncoderError, match="--csv .*x.csv cannot be written: File name too long"):
        require_writable(tmp_path / "x.csv", "--csv")
