"""A corpus that changes while it is encoded: noticed before the output counts as finished."""

import json
import os

import pytest

from pyserini_ext.encode import engines, ray_engine
from pyserini_ext.encode.part_encoder import PartEncoder
from pyserini_ext.encode.parts import Part
from pyserini_ext.encode.ray_progress import Reporter
from pyserini_ext.folders.manifest import Manifest


@pytest.fixture
def documents(corpus):
    """The corpus as numbered lines that can be edited in place, each as long as before."""
    lines = [json.dumps({"id": f"d{n:03d}", "text": f"a story of {n:03d}"}) for n in range(100)]
    corpus.write_text("\n".join(lines) + "\n")
    return lines


def edit(corpus, lines, number, old, new):
    changed = lines.copy()
    changed[number] = changed[number].replace(old, new)
    assert changed != lines and len(changed[number]) == len(lines[number])
    corpus.write_text("\n".join(changed) + "\n")


@pytest.fixture
def before_window(monkeypatch):
    """Do something before the encoder gets a window of 32 documents, counted from 0."""

    def before_window(number, action):
        encode, calls = PartEncoder._encode, []

        def counted(self, *arguments):
            calls.append(1)
            if len(calls) == number + 1:
                action()
            return encode(self, *arguments)

        monkeypatch.setattr(PartEncoder, "_encode", counted)

    return before_window


@pytest.mark.parametrize(
    ("kind", "where"), [("jsonl", "text"), ("jsonl", "repeated id"), ("lucene", "text")]
)
def test_an_edit_behind_the_reader(encode, corpus, documents, tmp_path, before_window, kind, where):
    options = [] if kind == "jsonl" else [f"--to-{kind}"]
    old, new = ("story", "diary") if where == "text" else ("d005", "d004")
    before_window(3, lambda: edit(corpus, documents, 5, old, new))
    code, said = encode(*options)
    assert code == 1, said
    assert f"{corpus} was changed while it was encoded: the documents from {corpus}, line " in said
    assert "is not finished" in said
    assert Manifest.load(tmp_path / "output").complete is False
    if kind == "lucene":
        assert not list((tmp_path / "output").iterdir())
    corpus.write_text("\n".join(documents) + "\n")
    assert encode(*options)[0] == 0
    assert Manifest.load(tmp_path / "output").complete is True


@pytest.mark.parametrize("part", [0, 3])
def test_an_edit_before_the_reader(encode, corpus, documents, monkeypatch, part):
    """The file is edited after the scan, while the model is loaded."""
    load = engines.open_encoder
    number = 32 * part

    def edited(options):
        edit(corpus, documents, number, "story", "diary")
        return load(options)

    monkeypatch.setattr(engines, "open_encoder", edited)
    code, said = encode()
    assert code == 1
    assert f"document number {number + 1} and those after it from {corpus}, line" in said


def test_a_file_added_in_front_is_not_encoded(encode, corpus, documents, tmp_path, monkeypatch):
    """A worker that starts anew opens the folder as it is then."""
    folder = tmp_path / "folder"
    folder.mkdir()
    corpus.rename(folder / "b.jsonl")
    load = engines.open_encoder

    def edited(options):
        lines = [json.dumps({"id": f"new{n}", "text": "a new story"}) for n in range(256)]
        (folder / "a.jsonl").write_text("\n".join(lines) + "\n")
        return load(options)

    monkeypatch.setattr(engines, "open_encoder", edited)
    code, said = encode("--corpus", folder)
    assert code == 1 and f"{folder} was changed while it was encoded" in said
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("change", ["appended", "touched"])
def test_what_comes_at_the_end(encode, corpus, documents, tmp_path, before_window, change):
    def action():
        if change == "touched":
            os.utime(corpus, (1, 1))
        else:
            with corpus.open("a") as stream:
                stream.write('{"id": "new", "text": "a new story"}\n')

    before_window(3, action)
    code, said = encode()
    assert code == (1 if change == "appended" else 0), said
    if change == "touched":
        assert "Everything is in place already." in encode()[1]


def test_the_dtype_of_the_actors_is_chosen_once(encode, tmp_path, monkeypatch):
    """Their machines may have what the one that starts them has not."""
    monkeypatch.setattr(ray_engine, "dtype_of_actors", lambda options: "bfloat16")
    used = []

    def local(options, scan, folder, journal):
        used.append(options.dtype)
        return engines.OneProcess(options, scan, folder, journal)

    monkeypatch.setattr(ray_engine, "RayEngine", local)
    assert encode("--engine", "ray")[0] == 0
    assert used == ["bfloat16"]
    assert Manifest.load(tmp_path / "output").fingerprint["encoder"]["dtype"] == "bfloat16"
    code, said = encode()
    assert code == 2 and "encoder dtype was bfloat16, now float32" in said


def test_every_document_of_an_actor_counts_once():
    steps = []
    reporter = Reporter([Part(0, 0, 30), Part(1, 30, 50)], steps.append)
    reporter.update({0: 10})
    reporter.update({0: 20, 1: 5})
    reporter.update({0: 4, 1: 5})  # its actor was replaced
    reporter.finish(0)
    reporter.update({0: 20, 1: 12})
    reporter.finish(1)
    assert sum(steps) == 50 and steps[:3] == [10, 10, 5] and -16 in steps
