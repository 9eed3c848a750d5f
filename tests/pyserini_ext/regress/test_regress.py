"""Regressions are strict and resumable: what is run, what is used again, and the exit code."""

import hashlib
import os

import pytest
import yaml

from llm_encoders.errors import UsageError
from pyserini_ext.commands import Outcome, read_run
from pyserini_ext.conditions import FAMILIES, Score, Source, load_family, loading, select
from pyserini_ext.conditions.steps import parse_steps
from pyserini_ext.regress.command import main
from pyserini_ext.regress.data import Collections
from pyserini_ext.regress.verdict import judge
from tests.pyserini_ext.regress.conftest import figures, kill_after, make_beir, read_qrels


def test_a_task_without_expected_scores_is_not_ok(place, capsys):
    place.conditions(bm25={"cacm": {}, "cranfield": {"R@1000": 1.0}})
    assert place.regress() == 0
    shown = capsys.readouterr().out
    assert "2 tasks: 1 OK, 0 failed, 1 without expected scores." in shown
    (cacm,) = [line.split() for line in shown.splitlines() if line.startswith("  cacm ")]
    assert cacm[1:3] == ["new", "nDCG@10"] and cacm[4] == "new" and "OK" not in cacm
    assert [task["result"] for task in place.report["conditions"][0]["tasks"]] == ["new", "OK"]
    page = (place.output / "report.html").read_text()
    assert "2 tasks, 0 failed, 1 without expected scores." in page


def test_a_run_is_evaluated_and_used_again(finished, capsys):
    run = read_run(finished.output / "run.tiny.bm25.cacm.txt")
    wanted = figures(run, read_qrels(finished.output / "prepared/cacm/qrels.txt"))
    assert list(finished.scores().values()) == [round(value, 4) for value in wanted.values()]
    assert finished.regress() == 0
    assert f"OK     nDCG@10 {finished.scores()['nDCG@10']:.4f}  R@100" in capsys.readouterr().out
    assert finished.runner.calls == ["eval.trec_eval"]
    (task,) = finished.report["conditions"][0]["tasks"]
    assert task["result"] == "OK" and all(step["reused"] for step in task["steps"])
    assert [step["seconds"] for step in task["steps"]] == [0.2] * 3
    assert task["scores"]["nDCG@10"]["source"] == "measured: version 0.1.0, 2026-01-02"
    page = (finished.output / "report.html").read_text()
    assert "tiny/bm25" in page and f"{task['scores']['nDCG@10']['measured']:.4f}" in page
    assert finished.report["machine"]["cores"] and finished.report["versions"]["pyserini"]


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [(0.001, 1, "FAIL"), (-0.001, 1, "FAIL"), (0.0005, 0, "OKish"), (0, 0, "OK")],
)
def test_a_changed_committed_score(finished, capsys, change, code, word):
    scores = finished.scores()
    finished.conditions(bm25={"cacm": scores | {"nDCG@10": round(scores["nDCG@10"] + change, 4)}})
    assert finished.regress() == code
    assert finished.report["conditions"][0]["tasks"][0]["result"] == word
    shown = capsys.readouterr()
    assert (f"{word}, expected" in shown.out) == bool(change)
    assert ("1 of 1 tasks failed" in shown.err) == bool(code)


@pytest.mark.parametrize(("other", "expected"), [(True, 1), (False, 1), (True, 0), (False, 0)])
def test_scores_of_another_copy_of_the_documents(finished, capsys, other, expected):
    """A wrong score is explained; one that is right needs no word."""
    path = finished.data / "cacm" / "corpus.jsonl"
    own = hashlib.sha256(path.read_bytes()).hexdigest()
    scores = finished.scores()
    scores["nDCG@10"] = round(scores["nDCG@10"] + 0.1 * expected, 4)
    finished.conditions(bm25={"cacm": scores})
    file = finished.files / "tiny.yaml"
    values = yaml.safe_load(file.read_text())
    values["conditions"][0]["datasets"][0]["corpus"] = "0" * 64 if other else own
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    loading.load_family.cache_clear()
    capsys.readouterr()
    assert finished.regress() == expected
    shown = capsys.readouterr().out
    assert ("is another copy of cacm" in shown and own in shown) == bool(other and expected)


def test_an_interrupt_stops_everything(place, monkeypatch):
    place.conditions(bm25={"cacm": {}, "cranfield": {}})
    partial = place.output / "run.tiny.bm25.cacm.txt.partial"
    monkeypatch.setattr(place.runner, "_search", kill_after(partial))
    assert place.regress() == 130
    assert len([call for call in place.runner.calls if "search" in call]) == 1
    assert "eval.trec_eval" not in place.runner.calls


def test_a_command_that_fails_fails_its_conditions_only(place, capsys):
    place.conditions(bm25={"cacm": {}, "cranfield": {}}, fusion={"cacm": {}})
    place.runner.fails = {"pyserini.fusion"}
    assert place.regress() == 1
    bm25, fusion = place.report["conditions"]
    assert [task["result"] for task in bm25["tasks"]] == ["new", "new"]
    (task,) = fusion["tasks"]
    assert (task["result"], task["scores"]) == ("FAIL", {})
    assert "it is broken" in task["problem"] and "it is broken" in capsys.readouterr().out
    assert not (place.output / "run.tiny.fusion.cacm.txt").exists()
    place.runner.fails = {"pyserini.index.lucene"}
    place.output = place.folder / "other"
    assert place.regress() == 1
    (task,) = place.report["conditions"][1]["tasks"]
    assert task["steps"][2]["problem"].startswith("not run: pyserini.index.lucene ended with")
    assert not any("search" in call for call in place.runner.calls)


def test_a_command_that_writes_nothing_fails(place, monkeypatch):
    place.conditions(bm25={"cacm": {}})
    monkeypatch.setattr(place.runner, "_search", lambda folder, option: None)
    assert place.regress() == 1
    assert "did not write run.tiny" in place.report["conditions"][0]["tasks"][0]["problem"]
    monkeypatch.setattr(
        place.runner, "_search", lambda folder, option: (folder / option["--output"]).touch()
    )
    assert place.regress() == 1
    assert "found nothing" in place.report["conditions"][0]["tasks"][0]["problem"]


def test_every_step_once_and_several_at_a_time(place):
    place.conditions(bm25={"cacm": {}, "cranfield": {}}, fusion={"cacm": {}, "cranfield": {}})
    place.runner.pause = 0.05
    assert place.regress("--parallel", 2) == 0
    calls = place.runner.calls
    assert place.runner.most == 2
    assert len(calls) == 12 and len([call for call in calls if call == "eval.trec_eval"]) == 4
    steps = [call for call in calls if call != "eval.trec_eval"]
    assert len(set(steps)) == 8
    for key in ("cacm", "cranfield"):
        order = [call.split()[0] for call in steps if key in call]
        assert order == ["pyserini_ext.beir", "index.lucene", "search.lucene", "fusion"]


def test_two_commands_that_write_one_index_are_refused(place, capsys):
    place.conditions(bm25={"cacm": {}}, clash={"cacm": {}})
    assert place.regress() == 2
    assert "Two steps write indexes/tiny-cacm.bm25:" in capsys.readouterr().err
    assert place.runner.calls == []
    place.files = place.folder / "absent"
    assert place.regress("--list") == 2
    assert "There is no folder" in capsys.readouterr().err


def test_files_of_others_are_left_alone(place, capsys):
    place.conditions(bm25={"cacm": {}})
    run = place.output / "run.tiny.bm25.cacm.txt"
    run.parent.mkdir()
    run.write_text("mine")
    assert place.regress() == 2
    assert "no record of its making" in capsys.readouterr().err
    assert run.read_text() == "mine" and place.runner.calls == []


def test_commands_are_shown_and_not_run(place, capsys):
    place.conditions(bm25={"cacm": {}}, fusion={"cacm": {"nDCG@10": 0.5}})
    assert place.regress("--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 + 2 and not place.output.exists()
    for line in lines[:4]:
        assert parse_steps(line)[0].text == line
    assert f"--collection {place.data / 'cacm'} --output prepared/cacm" in lines[0]
    assert lines[-1].endswith("-m recall.100,1000 prepared/cacm/qrels.txt run.tiny.fusion.cacm.txt")
    place.data = place.folder / "absent"  # then collections keep their names
    assert place.regress("--dry-run") == 0
    assert "--collection collections/cacm " in capsys.readouterr().out.splitlines()[0]
    assert place.regress("--list") == 0
    assert "tiny/fusion  " in capsys.readouterr().out
    assert place.runner.calls == []


def test_wrong_usage_has_exit_code_2(place, capsys):
    place.conditions(bm25={"cacm": {}, "nfcorpus": {}})
    for words, problem in {
        ("bm52",): "No condition 'bm52'. Did you mean 'bm25'?",
        ("--all", "bm25"): "exclude each other",
        (): "reads collections/nfcorpus, which is not in",
    }.items():
        assert place.regress(*words) == 2
        assert problem in capsys.readouterr().err
    assert main(["--data", str(place.folder / "absent")]) == 2
    with pytest.raises(SystemExit) as ending:
        place.regress("--parallel", 0)
    assert ending.value.code == 2
    assert place.runner.calls == []


@pytest.mark.slow
def test_the_whole_way_with_pyserini(place, warm_python, monkeypatch):
    """Pyserini's own commands, and trec_eval, against measures by their definitions."""

    def run(module, *words, folder, log):
        monkeypatch.chdir(folder)
        calls.append(module)
        done = warm_python("-m", module, *words)
        log.write_text(done.stdout + done.stderr)
        return Outcome(done.stdout, 1.0)

    calls, place.runner = place.runner.calls, Recorded(run, place.runner.calls)
    place.conditions(fusion={"cacm": {}})
    assert place.regress() == 0
    assert len(calls) == 5
    found = read_run(place.output / "run.tiny.fusion.cacm.txt")
    wanted = figures(found, read_qrels(place.output / "prepared/cacm/qrels.txt"))
    assert list(place.scores().values()) == [round(value, 4) for value in wanted.values()]
    assert 0.3 < place.scores()["nDCG@10"] < 1
    place.conditions(fusion={"cacm": place.scores()})
    assert place.regress() == 0
    assert calls == ["pyserini.eval.trec_eval"]


class Recorded:
    """A runner that notes its calls."""

    def __init__(self, run, calls):
        self.run, self.calls = run, calls

    def __call__(self, *words, **more):
        return self.run(*words, **more)


@pytest.mark.parametrize(
    ("family", "measured", "expected", "flaky", "word"),
    [
        ("msmarco-v1-passage", 0.412, 0.412, 0, "OK"),
        ("msmarco-v1-passage", 0.4115, 0.412, 0, "OKish"),
        ("msmarco-v1-passage", 0.4114, 0.412, 0, "FAIL"),
        ("msmarco-v1-passage", 0.4114, 0.412, 0.0006, "OKish"),
        ("msmarco-v1-passage", 0.5, 0.412, 0, "OKish"),
        ("beir", 0.5, 0.412, 0, "FAIL"),
        ("beir", 0.4125, 0.412, 0, "OKish"),
        ("bright", 0.417, 0.412, 0, "OKish"),
        ("bright", 0.4171, 0.412, 0, "FAIL"),
    ],
)
def test_verdicts_are_those_of_the_harness(family, measured, expected, flaky, word):
    score = Score(expected, Source(published="A"), flaky)
    assert judge(FAMILIES[family], measured, score).word == word


def test_topics_come_with_the_collection(tmp_path):
    """Of BEIR folders, and of MS MARCO's TSV files; else they are Pyserini's."""
    (condition,) = select(load_family(FAMILIES["bright"]), ["bright/reason-embed-qwen3-4b"])
    make_beir(tmp_path / "bright" / "biology")
    found = Collections([tmp_path]).localised(condition.tasks[0])
    assert found.steps[0].text == (
        f"python -m pyserini_ext.beir --collection {tmp_path}/bright/biology --output "
        "prepared/bright-biology --topics-only"
    )
    assert found.steps[2].values("--topics") == ["prepared/bright-biology/topics.json"]
    assert "--topics-format" not in found.steps[2].words
    assert found.evaluation == "prepared/bright-biology/qrels.txt"
    with pytest.raises(UsageError, match="bright/reason-embed-qwen3-4b/earth-science reads"):
        Collections([tmp_path]).localised(condition.tasks[1])
    (condition,) = select(load_family(FAMILIES["msmarco-v1-passage"]), ["llm-splade-8b"])
    folder = tmp_path / "msmarco-v1-passage"
    folder.mkdir()
    (folder / "collection.tsv").touch()
    for places in ([tmp_path], [folder]):
        found = Collections(places).localised(condition.tasks[1])
        assert found.steps[0].values("--corpus") == [f"{folder}/collection.tsv"]
        assert found.evaluation == "dl19-passage"
        assert found.steps[1].values("--topics") == ["dl19-passage"]
    (folder / "msmarco-test2019-queries.tsv").touch()
    (folder / "2019qrels-pass.txt").touch()
    found = Collections([folder]).localised(condition.tasks[1])
    assert found.evaluation == f"{folder}/2019qrels-pass.txt"
    assert found.steps[1].values("--topics") == [f"{folder}/msmarco-test2019-queries.tsv"]


@pytest.mark.parametrize(
    ("cores", "commands", "given", "threads"),
    [(8, 2, None, "4"), (2, 4, None, "1"), (8, 2, "3", "3"), (8, 1, None, None)],
)
def test_parallel_commands_share_the_cores(place, monkeypatch, cores, commands, given, threads):
    """Only while they run, and unless the user has said how many threads there are."""
    place.conditions(bm25={"cacm": {}})
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if given is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    seen = set()
    answer = place.runner._run

    def noting(*arguments):
        seen.add(os.environ.get("OMP_NUM_THREADS"))
        return answer(*arguments)

    monkeypatch.setattr(place.runner, "_run", noting)
    assert place.regress("--parallel", commands) == 0
    assert seen == {threads} and os.environ.get("OMP_NUM_THREADS") == given
