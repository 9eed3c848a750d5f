"""A faulty document stops training, scoring, mining and evaluation, or is left out and listed."""

import json

import pytest

from llm_encoders import EncoderError
from llm_encoders.data.sources import DataSources
from llm_encoders.mine_negatives import job
from llm_encoders.mine_negatives.job import Mining, mine
from llm_encoders.score.job import score
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
from tests.llm_encoders.mine_negatives.test_mining import FixedRanker, Lengths
from tests.llm_encoders.score.test_score import Choice

FAULT = "line 7: document 'empty' has an empty text"


@pytest.fixture
def faulty(beir):
    with (beir / "corpus.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"_id": "empty", "title": "", "text": ""}\n')
    return beir


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("command", ["mine", "score"])
def test_mining_and_scoring(monkeypatch, tmp_path, faulty, command):
    monkeypatch.setattr(job, "supplied", lambda method: FixedRanker)
    output = tmp_path / "out.jsonl"

    def work(on_error):
        sources = DataSources(str(faulty), on_error=on_error)
        if command == "mine":
            mine(sources, Mining(), None, output)
        else:
            score(sources, Choice(Lengths()), output)

    with pytest.raises(EncoderError, match=rf"{FAULT}\. Correct it, or .*\(on_error: skip\)"):
        work("stop")
    assert not output.exists()
    work("skip")
    assert len(lines(output)) == 9
    assert FAULT in (tmp_path / "out.jsonl.skipped.txt").read_text()
    assert "empty" not in output.read_text()


def test_training_and_evaluation(recipe_file, tmp_path, faulty, capsys):
    evaluation = {"collections": [str(faulty)], "report": ["test"]}
    changes = {"evaluation": evaluation, "schedule": {"steps": 1}}
    with pytest.raises(EncoderError, match=FAULT):
        run(load_recipe(recipe_file(**changes)))
    output = tmp_path / "run"
    assert not output.exists()
    run(load_recipe(recipe_file(data={"on_error": "skip"}, **changes)))
    shown = capsys.readouterr().out
    for name in ("skipped.txt", "skipped_evaluation.txt"):
        (line,) = (output / name).read_text().splitlines()
        assert FAULT in line
        assert f"faulty documents left out: 1, listed in {output / name}" in shown
    assert (output / "README.md").is_file()
