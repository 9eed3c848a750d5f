"""The record of a run beside its output: what is refused, what is kept, what is removed."""

import json
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
    assert listed[-1] == f"{corpus}, line 16: the id 'MED-10' was given before; ids must differ."
    assert len(jsonl_ids(tmp_path / "output")) == COUNT
    code, said = encode("--on-error", "skip")
    assert code == 0 and "12 faulty lines were left out" in said  # also where nothing is read anew
    code, said = encode()
    assert code == 1 and "12 faulty lines" in said and "the first 10 above" in said
    assert (state / "skipped-lines.txt").read_text().splitlines() == listed
    assert sorted(path.name for path in state.iterdir()) == [
        *("batch-tokens", "corpus-scan", "manifest", "skipped-lines.txt"),
    ]
    assert encode("--on-error", "skip", "--overwrite")[0] == 0
    assert (state / "skipped-lines.txt").read_text().splitlines() == listed


def test_a_mount_point_has_no_place_beside_it(encode, monkeypatch, tmp_path, state):
    output = (tmp_path / "output").resolve()
    monkeypatch.setattr(os.path, "ismount", lambda path: path == output)
    code, said = encode()
    assert code == 2 and "Give a folder inside it" in said


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
@pytest.mark.parametrize(
    "name", ["other.jsonl", "embeddings.00001.jsonl", "part.7.npz", "a.json.gz", "A.JSONL.GZ"]
)
def test_foreign_files_are_refused_and_kept(encode, tmp_path, name, options):
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / name).write_text('{"id": "1"}\n')
    code, said = encode(*options)
    assert code == 2 and f"holds {name}, which no recorded run has written" in said
    assert [path.name for path in (tmp_path / "output").iterdir()] == [name]


BROKEN = {
    "": "not valid JSON",
    "{": "not valid JSON",
    "[1]": "expected a JSON object",
    "{}": "the key 'parts' is missing",
    '{"parts": {"0": {}}, "fingerprint": {}, "finished": {}}': "missing",
    '{"parts": 3, "fingerprint": {}, "finished": {}}': "no attribute",
    '{"parts": {}, "fingerprint": [], "finished": {}}': "must be JSON objects",
    '{"parts": {}, "fingerprint": {}, "finished": {"../x.jsonl": ""}}': "no name of a file",
    '{"parts": {}, "fingerprint": {}, "finished": {}, "replaced": ["/x"]}': "no name of a file",
}


def test_a_broken_manifest_is_a_sentence(encode, tmp_path, state):
    victim = tmp_path / "x.jsonl"
    victim.write_text("somebody's")
    encode()
    before = files(tmp_path / "output")
    for record, problem in BROKEN.items():
        (state / "manifest").write_text(record)
        for options in ((), ("--overwrite",)):
            code, said = encode(*options)
            assert code == 1 and f"{state}/manifest" in said and problem in said, record
            assert f"or remove {tmp_path / 'output'} and {state}" in said
    assert files(tmp_path / "output") == before and victim.read_text() == "somebody's"


def test_a_broken_scan_is_made_again(encode, tmp_path, state):
    encode()
    before = files(tmp_path / "output")
    scan = json.loads((state / "corpus-scan").read_text())
    broken = ["{", json.dumps(scan | {"windows": []}), json.dumps(scan | {"documents": "many"})]
    for text in broken:
        (state / "corpus-scan").write_text(text)
        code, said = encode()
        assert code == 0 and "checking corpus" in said and "Everything is in place" in said
    assert files(tmp_path / "output") == before


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_without_its_record_an_output_is_foreign(encode, tmp_path, state, options):
    encode()
    shutil.rmtree(state)
    before = files(tmp_path / "output")
    code, said = encode(*options)
    assert code == 2, said
    assert files(tmp_path / "output") == before


def test_a_run_that_fails_removes_nothing(encode, corpus, tmp_path):
    encode()
    before = files(tmp_path / "output")
    corpus.write_text("not JSON\n")
    assert encode("--overwrite")[0] == 1
    assert files(tmp_path / "output") == before


@pytest.mark.parametrize("kind", ["lucene", "npz"])
def test_overwriting_removes_what_the_record_lists(encode, tmp_path, kind):
    assert encode(f"--to-{kind}")[0] == 0
    (tmp_path / "output" / "README").write_text("mine")
    assert encode("--overwrite", "--part-size", 64)[0] == 0
    names = sorted(path.name for path in (tmp_path / "output").iterdir())
    assert names == ["README", "embeddings.00000.jsonl", "embeddings.00001.jsonl"]


def test_foreign_files_are_refused_beside_a_record_too(encode, tmp_path):
    encode()
    stray = tmp_path / "output" / "embeddings.00077.jsonl"
    stray.write_text('{"id": "1"}\n')
    for options in ((), ("--overwrite",)):
        code, said = encode(*options)
        assert code == 2 and f"holds {stray.name}, which no recorded run" in said
    assert stray.exists()


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


def place(tmp_path, corpus, kind):
    """An output folder in the way of the corpus, and what is named as the corpus."""
    folder = tmp_path / "data"
    folder.mkdir()
    corpus.rename(folder / "c.jsonl")
    if kind == "link":
        (tmp_path / "link").symlink_to(folder)
    return {
        "equal": (folder, folder),
        "its file": (folder, folder / "c.jsonl"),
        "inside": (folder / "deep" / "output", folder),
        "around": (tmp_path, folder),
        "link": (tmp_path / "link" / "output", folder),
        "the file itself": (folder / "c.jsonl", folder / "c.jsonl"),
    }[kind]


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
@pytest.mark.parametrize("kind", ["equal", "its file", "inside", "around", "link"])
def test_output_and_corpus_lie_apart(encode, corpus, tmp_path, kind, options):
    output, source = place(tmp_path, corpus, kind)
    before = (tmp_path / "data" / "c.jsonl").read_bytes()
    code, said = encode("--corpus", source, *options, output=output)
    assert code == 2 and f"The output folder {output}" in said
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["c.jsonl"]
    assert (tmp_path / "data" / "c.jsonl").read_bytes() == before
