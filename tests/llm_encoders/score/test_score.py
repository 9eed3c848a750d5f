"""Scoring writes what the teacher says, and is resumed where it was stopped."""

import errno
import json
import os
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from llm_encoders import EncoderError, UsageError
from llm_encoders.data.sources import DataSources
from llm_encoders.score import job
from llm_encoders.score.__main__ import main
from llm_encoders.teachers.base import Teacher
from tests.llm_encoders.conftest import TOPICS, write_lines


@dataclass
class Choice:
    """A teacher that needs no files."""

    teacher: Any
    name: str = "counter"
    folder: None = None
    loads: list = field(default_factory=list)

    @property
    def fingerprint(self):
        return {"teacher": self.name, "dtype": "float32"}

    @property
    def record(self):
        return {"name": self.name, "kind": "bi-encoder", "dtype": "float32"}

    def load(self):
        self.loads.append(1)
        return self.teacher

    def describe(self, teacher):
        return self.name


class Counter(Teacher):
    """Scores by the length of the text; may fail."""

    window = 8

    def __init__(self, fails_at=None):
        self.calls, self.fails_at = 0, fails_at

    def scores(self, groups, run=None):
        self.calls += 1
        if self.calls == self.fails_at:
            raise KeyboardInterrupt
        return [[float(len(passage.text)) for passage in passages] for _, passages in groups]


def counter(fails_at=None, name="counter"):
    return Choice(Counter(fails_at), name)


@pytest.fixture
def sources(beir, scored):
    return DataSources(str(scored), str(beir / "corpus.jsonl"))


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_scores_stand_with_their_passages(tmp_path, sources):
    """The length of each passage's text is known; the order within a record is too."""
    job.score(sources, counter(), tmp_path / "out.jsonl")
    records = lines(tmp_path / "out.jsonl")
    assert len(records) == 9
    for record in records:
        for ids, scores in (("pos_pid", "pos_score"), ("neg_pids", "neg_scores")):
            assert record[scores] == [len(TOPICS[name]) for name in record[ids]]
        assert len(set(record["neg_scores"])) > 1  # so that a permutation would show


def test_the_output_names_the_teacher(tmp_path, sources):
    job.score(sources, counter(), tmp_path / "out.jsonl")
    first, *others = lines(tmp_path / "out.jsonl")
    assert first["teacher"] == {"name": "counter", "kind": "bi-encoder", "dtype": "float32"}
    assert not any("teacher" in record for record in others)
    job.score(DataSources(str(tmp_path / "out.jsonl"), sources.corpus), counter(), tmp_path / "2")


def test_stopped_and_resumed(tmp_path, sources):
    job.score(sources, counter(), tmp_path / "whole.jsonl")
    with pytest.raises(KeyboardInterrupt):
        job.score(sources, counter(fails_at=4), tmp_path / "out.jsonl")
    partial = tmp_path / "out.jsonl.partial"
    done = len(partial.read_text().splitlines())
    assert 3 <= done < 9 and not (tmp_path / "out.jsonl").exists()
    partial.write_text(partial.read_text() + '{"question": "cut')  # as a kill leaves it
    with pytest.raises(UsageError, match="another job: teacher teacher was counter, now other"):
        job.score(sources, counter(name="other"), tmp_path / "out.jsonl")
    job.score(sources, counter(), tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert {path.name for path in tmp_path.glob("*out.jsonl*")} == {"out.jsonl", ".out.jsonl.state"}


def test_a_window_of_which_some_lines_are_there(tmp_path, sources):
    job.score(sources, counter(), tmp_path / "whole.jsonl")
    with pytest.raises(KeyboardInterrupt):
        job.score(sources, counter(fails_at=3), tmp_path / "out.jsonl")
    partial = tmp_path / "out.jsonl.partial"
    partial.write_text("".join(partial.read_text().splitlines(keepends=True)[:1]))
    job.score(sources, counter(), tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_a_finished_output_is_found_before_the_teacher_is_loaded(tmp_path, sources, capsys):
    job.score(sources, counter(), tmp_path / "out.jsonl")
    before, again = (tmp_path / "out.jsonl").read_bytes(), counter()
    job.score(sources, again, tmp_path / "out.jsonl")
    assert "out.jsonl is finished already" in capsys.readouterr().err
    other = counter(name="other")
    with pytest.raises(
        UsageError, match="exists already, but is from another job: teacher teacher"
    ):
        job.score(sources, other, tmp_path / "out.jsonl")
    (tmp_path / "foreign.jsonl").write_text("mine")
    with pytest.raises(UsageError, match="foreign.jsonl exists already"):
        job.score(sources, other, tmp_path / "foreign.jsonl")
    assert not again.loads and not other.loads
    assert (tmp_path / "out.jsonl").read_bytes() == before
    (tmp_path / "out.jsonl").write_bytes(before[:-9])
    with pytest.raises(UsageError, match="was changed after it was written"):
        job.score(sources, counter(), tmp_path / "out.jsonl")


def test_a_kill_between_the_last_line_and_the_name(tmp_path, sources, monkeypatch):
    job.score(sources, counter(), tmp_path / "whole.jsonl")

    def dies(source, target, rename=os.replace):
        if str(source).endswith("out.jsonl.partial"):
            raise KeyboardInterrupt
        rename(source, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", dies)
        job.score(sources, counter(), tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
    again = counter()
    job.score(sources, again, tmp_path / "out.jsonl")
    assert not again.loads
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"fingerprint": 3}', "\0"])
def test_a_damaged_state_file_is_a_sentence(tmp_path, sources, content):
    with pytest.raises(KeyboardInterrupt):
        job.score(sources, counter(fails_at=3), tmp_path / "out.jsonl")
    (tmp_path / ".out.jsonl.state").write_text(content)
    with pytest.raises(
        EncoderError, match=r"\.out\.jsonl\.state.*which job started .*Add --overwrite"
    ):
        job.score(sources, counter(), tmp_path / "out.jsonl")
    job.score(sources, counter(), tmp_path / "out.jsonl", overwrite=True)
    assert len(lines(tmp_path / "out.jsonl")) == 9


def test_two_runs_on_one_output(tmp_path, sources):
    """The second is refused while the first is at work, and the first ends well."""

    class Starts(Counter):
        def scores(self, groups, run=None):
            if not self.calls:
                with pytest.raises(EncoderError, match="Another run is writing to .*out.jsonl"):
                    job.score(sources, counter(), tmp_path / "out.jsonl", overwrite=True)
            return super().scores(groups, run)

    job.score(sources, Choice(Starts()), tmp_path / "out.jsonl")
    assert len(lines(tmp_path / "out.jsonl")) == 9
    assert not (tmp_path / ".out.jsonl.lock").exists()


def test_a_full_disk_keeps_what_is_whole(tmp_path, sources, monkeypatch):
    job.score(sources, counter(), tmp_path / "whole.jsonl")
    write, room = os.write, [700]

    def full(number, content):
        count = write(number, content[: room[0]])
        room[0] -= count
        if not count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return count

    with monkeypatch.context() as patch, pytest.raises(OSError) as caught:
        patch.setattr(os, "write", full)
        job.score(sources, counter(), tmp_path / "out.jsonl")
    partial = tmp_path / "out.jsonl.partial"
    assert caught.value.filename == str(partial)
    assert 0 < len(lines(partial)) < 9 and partial.read_bytes().endswith(b"\n")
    job.score(sources, counter(), tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_overwriting_keeps_the_output_until_the_new_one_is_whole(tmp_path, beir, scored, sources):
    output = tmp_path / "out.jsonl"
    job.score(sources, counter(), output)
    before = output.read_bytes()
    with pytest.raises(EncoderError):
        mistyped = DataSources(str(tmp_path / "scord.jsonl"), sources.corpus)
        job.score(mistyped, counter(), output, overwrite=True)
    with pytest.raises(KeyboardInterrupt):
        job.score(sources, counter(fails_at=2, name="other"), output, overwrite=True)
    assert output.read_bytes() == before
    with pytest.raises(UsageError, match="was started by another job"):
        job.score(sources, counter(), output)
    job.score(sources, counter(name="other"), output)  # resumes what was being overwritten
    assert lines(output)[0]["teacher"]["name"] == "other"
    assert {path.name for path in tmp_path.glob("*out.jsonl*")} == {"out.jsonl", ".out.jsonl.state"}


def test_an_output_that_is_an_input(tmp_path, beir, scored, sources):
    inside = beir / "scores.jsonl"
    for wrong in (scored, beir / "corpus.jsonl", inside):
        content = wrong.read_bytes() if wrong.exists() else None
        with pytest.raises(UsageError, match="is an input|lies inside the input"):
            job.score(DataSources(str(scored), str(beir)), counter(), wrong, overwrite=True)
        assert (wrong.read_bytes() if wrong.exists() else None) == content
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="is a folder; name a file"):
        job.score(sources, counter(), tmp_path / "folder")


def test_lone_surrogates_do_not_stop_it(tmp_path):
    train = tmp_path / "pairs.jsonl"
    train.write_text('{"query": "a \\ud800 b", "passage": "c \\udfff d", "title": "t"}\n')
    job.score(DataSources(str(train)), counter(), tmp_path / "out.jsonl")
    (record,) = lines(tmp_path / "out.jsonl")
    assert record["query"] == "a \ufffd b"
    assert record["positive_passages"][0]["text"] == "c \ufffd d"


def test_out_of_memory_is_a_sentence(tmp_path, sources):
    class Greedy(Teacher):
        def scores(self, groups, run=None):
            raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(EncoderError, match="Out of memory: CUDA .* Lower the teacher's --batch-s"):
        job.score(sources, Choice(Greedy()), tmp_path / "out.jsonl")


def test_passages_in_full(tmp_path):
    train = write_lines(
        tmp_path / "pairs.jsonl", [{"query": "q", "passage": "some text", "title": "t"}]
    )
    job.score(DataSources(str(train)), counter(), tmp_path / "out.jsonl")
    (record,) = lines(tmp_path / "out.jsonl")
    assert record["positive_passages"][0]["text"] == "some text"
    assert record["positive_scores"] == [9.0]


def command(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["score", *map(str, words)])
    return main()


def test_command_reports_bad_input(monkeypatch, capsys, tmp_path, beir):
    train = write_lines(
        tmp_path / "t.jsonl", [{"question": "q", "pos_pid": "dogs", "neg_pids": []}]
    )
    words = ("--train", train, "--corpus", beir / "corpus.jsonl", "--teacher", "llm-dense-tiny")
    assert command(monkeypatch, *words, "--output", tmp_path / "o.jsonl") == 1
    said = capsys.readouterr().err
    assert re.search(r"t\.jsonl, line 1: passage 'dogs' is not in the corpus", said)
    assert not list(tmp_path.glob("*o.jsonl*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--batch-size", "-1"], "-1 is not between 1 and"),
        (["--batch-size", "0"], "0 is not between 1 and"),
        (["--batch-size", str(2**63)], "is not between 1 and"),
        (["--output", "/"], "is the root of the file system"),
        (["--output", "a\0b"], "holds a NUL byte"),
        (["--output", ""], "the path is empty"),
        (["--teacher", ""], "it is empty"),
        (["--dtype", "int8"], "invalid choice: 'int8'"),
        (["--kind", "bi"], "invalid choice: 'bi'"),
    ],
)
def test_wrong_usage(monkeypatch, capsys, words, message):
    good = ["--train", "t.jsonl", "--teacher", "llm-dense-tiny", "--output", "o.jsonl"]
    with pytest.raises(SystemExit) as ended:
        command(monkeypatch, *good, *words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
