"""Checkpoint folders: which counts, which may be removed, and which is nobody's of ours."""

import errno

import pytest

from llm_encoders import EncoderError
from llm_encoders.train import checkpoints


def make(output, *steps):
    """Whole checkpoints of a run."""
    for step in steps:
        checkpoints.record(output, step)
        folder = checkpoints.folder_of(output, step)
        folder.mkdir()
        (folder / "weights").write_text(str(step))
        checkpoints.seal(folder)


def names(output):
    return sorted(path.name for path in output.glob("checkpoint-*"))


def test_an_interrupted_checkpoint_is_skipped(tmp_path):
    make(tmp_path, 2, 4)
    assert checkpoints.last_whole(tmp_path).name == "checkpoint-4"
    (tmp_path / "checkpoint-4" / "weights").write_text("truncated")
    checkpoints.record(tmp_path, 6)
    (tmp_path / "checkpoint-6").mkdir()  # never sealed
    assert checkpoints.last_whole(tmp_path).name == "checkpoint-2"
    assert names(tmp_path) == ["checkpoint-2"]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"weights": 1}', b"\xe9", b'{"gone": "x"}'])
def test_a_seal_that_is_damaged(tmp_path, content):
    make(tmp_path, 2, 4)
    (tmp_path / "checkpoint-4" / "complete.json").write_bytes(content)
    assert checkpoints.last_whole(tmp_path).name == "checkpoint-2"


def test_a_checkpoint_that_cannot_be_read_is_kept(tmp_path, monkeypatch):
    make(tmp_path, 2)

    def stale(path):
        raise OSError(errno.ESTALE, "Stale file handle", str(path))

    monkeypatch.setattr(checkpoints, "checksum", stale)
    with pytest.raises(OSError, match="Stale file handle"):
        checkpoints.last_whole(tmp_path)
    monkeypatch.undo()
    assert checkpoints.last_whole(tmp_path).name == "checkpoint-2"


@pytest.mark.parametrize("kind", ["file", "loop", "nowhere"])
def test_a_checkpoint_that_is_no_folder(tmp_path, kind):
    make(tmp_path, 2)
    checkpoints.record(tmp_path, 4)
    path = tmp_path / "checkpoint-4"
    if kind == "file":
        path.write_text("")
    else:
        path.symlink_to(path if kind == "loop" else tmp_path / "nowhere")
    with pytest.raises(EncoderError, match="checkpoint-4 should be a checkpoint folder"):
        checkpoints.last_whole(tmp_path)
    path.unlink()
    assert checkpoints.last_whole(tmp_path).name == "checkpoint-2"


@pytest.mark.parametrize(
    ("keep", "best", "left"),
    [
        (1, None, [10]),
        (2, None, [8, 10]),
        (1, 2, [2, 10]),
        (2, 4, [4, 8, 10]),
        (1, 10, [8, 10]),
        (9, 2, [2, 4, 6, 8, 10]),
    ],
)
def test_the_oldest_go_but_the_best_stays(tmp_path, keep, best, left):
    make(tmp_path, 2, 4, 6, 8, 10)
    checkpoints.rotate(tmp_path, keep, best)
    assert names(tmp_path) == sorted(f"checkpoint-{step}" for step in left)


def test_checkpoints_of_somebody_else_are_never_removed(tmp_path):
    make(tmp_path, 2, 4, 6)
    mine = tmp_path / "checkpoint-77"
    mine.mkdir()
    assert checkpoints.last_whole(tmp_path).name == "checkpoint-6"
    checkpoints.rotate(tmp_path, 1, None)
    assert names(tmp_path) == ["checkpoint-6", "checkpoint-77"]
    with pytest.raises(EncoderError, match="checkpoint-77 is there already and was not made by"):
        checkpoints.record(tmp_path, 77)
    checkpoints.remove_all(tmp_path)
    assert names(tmp_path) == ["checkpoint-77"]


def test_a_record_that_leads_out_of_the_folder(tmp_path):
    output = tmp_path / "run"
    output.mkdir()
    make(output, 2)
    (tmp_path / "checkpoint-9").mkdir()
    record = output / checkpoints.RECORD
    record.write_text(record.read_text() + "../checkpoint-9\n../precious\n")
    (tmp_path / "precious").write_text("mine")
    checkpoints.remove_all(output)
    assert names(tmp_path) == ["checkpoint-9"] and (tmp_path / "precious").exists()
    assert names(output) == []
