"""The record of a run beside its output: what is refused, what is kept, what is removed."""

import os
import shutil

import pytest

from llm_encoders.errors import EncoderError
from llm_encoders.jobs.lock import LOCK_NAME, locked
from pyserini_ext.folders.state import state_folder
from tests.pyserini_ext.encode.conftest import COUNT
from tests.pyserini_ext.encode.outputs import files, jsonl_ids, parts


@pytest.fixture
def state(tmp_path):
    """Where the record of the output is kept."""
    return state_folder(tmp_path / "output")


def test_a_removed_output_leaves_nothing_behind_that_binds(encode, tmp_path, state):
    encode()
    shutil.rmtree(tmp_path / "output")
    code, said = encode("--max-length", 32)
    assert code == 0 and "is gone" not in said
    assert len(jsonl_ids(tmp_path / "output")) == COUNT


def test_the_output_folder_holds_nothing_but_the_output(encode, tmp_path, state):
    encode()
    assert sorted(p.name for p in (tmp_path / "output").iterdir()) == [
        p.name for p in parts(tmp_path / "output")
    ]


def test_faulty_lines_are_skipped_and_listed(encode, corpus, tmp_path, state):
    lines = corpus.read_text().splitlines()
    lines[4:4] = ['{"id": "x"', *[lines[0]] * 11]
    corpus.write_text("\n".join(lines))
    code, said = encode("--on-error", "skip")
    listed = (state / "skipped-lines.txt").read_text().splitlines()
    assert code == 0 and "12 faulty lines were left out" in said and said.count("skipped: ") == 10
    assert len(listed) == 12 and listed[0].startswith(f"{corpus}, line 5: ")
    assert listed[-1] == f"{corpus}, line 16: id 'MED-10' occurs before."
    assert len(jsonl_ids(tmp_path / "output")) == COUNT
    code, said = encode("--on-error", "skip")
    assert code == 0 and "12 faulty lines were left out" in said  # also where nothing is read anew
    code, said = encode()
    assert code == 1 and "12 faulty lines" in said and "the first 10 above" in said
    assert (state / "skipped-lines.txt").read_text().splitlines() == listed
    assert sorted(path.name for path in state.iterdir()) == [
        *("corpus-scan", "manifest", "skipped-lines.txt"),
    ]
    assert encode("--on-error", "skip", "--overwrite")[0] == 0
    assert (state / "skipped-lines.txt").read_text().splitlines() == listed


def test_a_mount_point_has_no_place_beside_it(encode, monkeypatch, tmp_path, state):
    output = (tmp_path / "output").resolve()
    monkeypatch.setattr(os.path, "ismount", lambda path: path == output)
    code, said = encode()
    assert code == 2 and "Give a folder inside it" in said


def test_files_of_something_else_are_not_mixed_with(encode, tmp_path, state):
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "other.jsonl").write_text('{"id": "1"}\n')
    code, said = encode()
    assert code == 2 and "other.jsonl" in said
    assert encode("--overwrite")[0] == 0
    assert (tmp_path / "output" / "other.jsonl").exists()


def test_a_broken_manifest_is_a_sentence(encode, tmp_path, state):
    encode()
    (state / "manifest").write_text("{")
    code, said = encode()
    assert code == 1 and "manifest, line 1: not valid JSON" in said
    assert "give --overwrite to start again" in said
    assert encode("--overwrite")[0] == 0


def test_a_broken_scan_is_made_again(encode, tmp_path, state):
    encode()
    before = files(tmp_path / "output")
    (state / "corpus-scan").write_text("{")
    code, said = encode()
    assert code == 0 and "checking corpus" in said and "Everything is in place" in said
    assert files(tmp_path / "output") == before


def test_overwrite_removes_parts_that_no_manifest_knows(encode, tmp_path, state):
    encode()
    (state / "manifest").write_text("{")
    assert encode("--overwrite", "--part-size", 64)[0] == 0
    assert len(parts(tmp_path / "output")) == 2 and len(jsonl_ids(tmp_path / "output")) == COUNT


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_a_run_that_is_refused_or_fails_removes_nothing(encode, corpus, tmp_path, state, options):
    encode()
    shutil.rmtree(state)
    before = files(tmp_path / "output")
    if options:
        corpus.write_text("not JSON\n")
    code, said = encode(*options)
    assert code == (1 if options else 2), said
    assert files(tmp_path / "output") == before


def test_overwriting_an_index_that_no_record_tells_of_is_refused(encode, tmp_path, state):
    assert encode("--to-lucene")[0] == 0
    before = files(tmp_path / "output")
    shutil.rmtree(state)
    code, said = encode("--to-lucene", "--overwrite", "--part-size", 64)
    assert code == 2 and "Remove the folder yourself" in said
    assert files(tmp_path / "output") == before


def test_foreign_files_are_refused_beside_a_record_too(encode, tmp_path):
    encode()
    (tmp_path / "output" / "other.jsonl").write_text('{"id": "1"}\n')
    code, said = encode()
    assert code == 2 and "other.jsonl" in said


def test_a_folder_by_another_name_has_the_same_record(encode, tmp_path, state):
    encode()
    (tmp_path / "link").symlink_to(tmp_path / "output")
    code, said = encode(output="link")
    assert code == 0 and "Everything is in place already." in said
    with locked(state / LOCK_NAME, "not seen"):
        code, said = encode(output="link")
    assert code == 1 and "Another run is writing" in said


def test_what_a_killed_check_leaves_does_not_replace_the_list(encode, corpus, tmp_path, state):
    corpus.write_text(corpus.read_text() + "not JSON\n")
    assert encode("--on-error", "skip")[0] == 0
    listed = (state / "skipped-lines.txt").read_text()
    (state / ".skipped-lines.txt.new").write_text("")
    assert encode("--on-error", "skip")[0] == 0
    assert (state / "skipped-lines.txt").read_text() == listed


def test_one_holds_a_lock(tmp_path):
    path = tmp_path / "new" / LOCK_NAME
    with locked(path, "taken"), pytest.raises(EncoderError, match="taken"), locked(path, "taken"):
        pass
    assert not path.exists()
