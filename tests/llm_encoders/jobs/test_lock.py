"""A lock is held, refused, or cannot be made; it never waits for ever."""

import pytest

from llm_encoders.errors import EncoderError
from llm_encoders.jobs.lock import locked


def test_a_lock_makes_its_folder_and_is_removed(tmp_path):
    path = tmp_path / "new" / ".lock"
    with locked(path, "held"):
        assert path.is_file()
        with pytest.raises(EncoderError, match="^held$"), locked(path, "held"):
            pass
    assert not path.exists()


def test_a_folder_that_takes_no_files_is_refused(tmp_path):
    path = tmp_path / ".lock"
    path.symlink_to(tmp_path / "gone" / "lock")  # opening it fails as in a folder that is gone
    with pytest.raises(EncoderError, match=f"{tmp_path} takes no new files"), locked(path, "held"):
        pass
