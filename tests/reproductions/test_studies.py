"""What studies share: the file of finished commands."""

import json
import sys

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture
def finished(monkeypatch, tmp_path):
    """An empty file of finished commands."""
    monkeypatch.syspath_prepend(REPOSITORY / "reproductions" / "studies")
    monkeypatch.delitem(sys.modules, "finished", raising=False)
    from finished import Finished

    yield Finished(tmp_path / "finished.json")
    sys.modules.pop("finished", None)


def test_a_command_is_finished_once_it_is_noted(finished, tmp_path):
    words = ["python", "a b.py"]
    assert not finished.holds(words)
    finished.note(words)
    assert finished.holds(words) and not finished.holds(["python", "a", "b.py"])
    assert list(json.loads((tmp_path / "finished.json").read_text())) == ["python 'a b.py'"]


def test_it_is_not_if_what_it_reads_was_made_later(finished):
    first, second = ["train"], ["measure"]
    finished.note(first)
    finished.note(second)
    assert finished.holds(second, [first]) and finished.holds(second, [["unknown"]])
    finished.note(first)
    assert not finished.holds(second, [first])
    finished.note(second)
    assert finished.holds(second, [first])
