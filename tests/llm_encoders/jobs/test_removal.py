"""Nothing is removed but what a record lists, and nothing is written over an input."""

import pytest

from llm_encoders import EncoderError, UsageError
from llm_encoders.jobs.removal import remove_recorded, require_apart


@pytest.fixture
def folder(tmp_path):
    """An output beside a file of the user's."""
    (tmp_path / "output" / "checkpoint-1").mkdir(parents=True)
    for name in ("precious", "output/part", "output/foreign", "output/checkpoint-1/weights"):
        (tmp_path / name).write_text(name)
    return tmp_path / "output"


def test_only_what_is_recorded_goes(folder):
    (folder / "link").symlink_to(folder.parent, target_is_directory=True)
    remove_recorded(folder, ["part", "gone", "checkpoint-1", "link"], folder / "manifest")
    assert [path.name for path in folder.iterdir()] == ["foreign"]
    assert (folder.parent / "precious").exists()


def test_a_folder_inside_goes_with_its_last_file(folder):
    (folder / "checkpoint-1" / "mine").write_text("mine")
    remove_recorded(folder, ["checkpoint-1/weights"], folder / "manifest")
    assert [path.name for path in (folder / "checkpoint-1").iterdir()] == ["mine"]
    remove_recorded(folder, ["checkpoint-1/mine", "gone/x"], folder / "manifest")
    assert not (folder / "checkpoint-1").exists()


def test_a_link_inside_is_not_followed(folder):
    (folder / "query").symlink_to(folder.parent, target_is_directory=True)
    with pytest.raises(EncoderError, match="nothing was removed"):
        remove_recorded(folder, ["part", "query/precious"], folder / "manifest")
    assert (folder / "part").exists() and (folder.parent / "precious").exists()


@pytest.mark.parametrize(
    "name",
    [
        "../precious",
        "x/../../precious",
        "x//y",
        "x/",
        "",
        ".",
        "..",
        "/etc/passwd",
        "a\0b",
        "a\\b",
        3,
    ],
)
def test_a_name_that_leads_out_removes_nothing(folder, name):
    with pytest.raises(EncoderError, match="manifest lists .*nothing was removed"):
        remove_recorded(folder, ["part", name], folder / "manifest")
    assert (folder / "part").exists() and (folder.parent / "precious").exists()


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("corpus", "is an input"),
        ("corpus/../corpus", "is an input"),
        ("link", "is an input"),
        ("corpus/new/folder", "lies inside the input .*corpus"),
        ("link/new", "lies inside the input"),
        (".", "has the input .*corpus inside"),
        ("corpus/a.jsonl", "lies inside the input|is an input"),
    ],
)
def test_output_and_input_are_kept_apart(tmp_path, monkeypatch, output, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.jsonl").write_text("{}")
    (tmp_path / "link").symlink_to("corpus", target_is_directory=True)
    with pytest.raises(UsageError, match=message):
        require_apart(output, [None, "hf:other", "llm-splade-tiny", "corpus"], "--embeddings")


def test_neighbours_are_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").mkdir()
    (tmp_path / "queries.jsonl").write_text("{}")
    for output in ("corpus-vectors", "other", "queries.jsonl.out", "out/corpus"):
        require_apart(output, ["corpus", "queries.jsonl", "absent"])
