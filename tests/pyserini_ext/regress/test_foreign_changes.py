"""What others change between two regressions, and in the midst of one, is noticed."""

import errno
import json
import threading

import pytest

from llm_encoders.errors import EncoderError, UsageError
from pyserini_ext import commands
from pyserini_ext.conditions.steps import parse_steps
from pyserini_ext.regress.data import Collections
from pyserini_ext.regress.fingerprints import fingerprint_of


@pytest.fixture
def finished(place):
    place.conditions(bm25={"cacm": {}})
    assert place.regress() == 0
    return place


def test_judgements_that_were_edited_keep_no_score(finished):
    qrels = finished.output / "prepared" / "cacm" / "qrels.txt"
    before, scores = qrels.read_text(), finished.scores()
    qrels.write_text(before.replace(" 1\n", " 9\n"))
    assert finished.regress() == 0
    assert qrels.read_text() == before
    assert finished.scores() == scores


def test_a_linked_folder_counts_with_its_content(finished, monkeypatch):
    from pyserini_ext.regress import fingerprints

    qrels = finished.data / "cacm" / "qrels"
    elsewhere = finished.folder / "elsewhere"
    qrels.rename(elsewhere)
    qrels.symlink_to(elsewhere)
    fingerprints._content.cache_clear()
    finished.regress()
    first = elsewhere / "test.tsv"
    first.write_text("\n".join(first.read_text().splitlines()[:-3]) + "\n")
    fingerprints._content.cache_clear()
    assert finished.regress() == 0
    assert finished.runner.calls[0] == "pyserini_ext.beir prepared/cacm"


def test_a_file_in_the_output_folder_counts_as_one_elsewhere(tmp_path):
    command = "python -m pyserini.search.lucene --topics mine.tsv --index i --output run.txt"
    (step,) = parse_steps(command)
    topics = tmp_path / "mine.tsv"
    topics.write_text("1\twing\n")
    (tmp_path / "i").mkdir()
    (tmp_path / "run.txt").touch()
    found = fingerprint_of(step, [], tmp_path, ["run.txt", "i"])["files"]
    assert list(found) == ["mine.tsv"]
    assert json.dumps(found)


def test_a_command_of_another_thread_is_stopped():
    problems = []

    def work():
        try:
            commands.run("timeit", "-n", "1", "-r", "1", "import time; time.sleep(60)")
        except EncoderError as error:
            problems.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    while not commands._RUNNING:
        assert thread.is_alive()
    commands.stop_running()
    thread.join(30)
    assert problems and "exit code -15" in problems[0]


def test_a_report_that_cannot_be_written_is_printed_nevertheless(place, monkeypatch, capsys):
    from pyserini_ext.regress import command

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "report.json")

    monkeypatch.setattr(command, "write_atomically", full)
    place.conditions(bm25={"cacm": {"nDCG@10": 0.9999}})
    assert place.regress() == 1
    printed = capsys.readouterr()
    assert "FAIL, expected 0.9999" in printed.out
    assert "No space left on device" in printed.err


def test_two_collections_of_one_name(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name / "cacm").mkdir(parents=True)
    (tmp_path / "linked").symlink_to(tmp_path / "new")
    places = [tmp_path / "new", tmp_path / "linked"]
    assert Collections(places).find("collections/cacm") == tmp_path / "new" / "cacm"
    with pytest.raises(UsageError, match=r"may be .*new/cacm or .*old/cacm"):
        Collections([*places, tmp_path / "old"]).find("collections/cacm")
