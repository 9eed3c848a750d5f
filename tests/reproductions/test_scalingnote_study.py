"""The study of ScalingNote names what exists, and its runner makes, skips, resumes and collects."""

import shlex
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from llm_encoders import load_encoder
from llm_encoders.distill_query import command
from llm_encoders.distill_query.recipe.recipe import DistillRecipe
from llm_encoders.distill_query.tradeoff import command as evaluate
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.plotting import can_plot
from llm_encoders.train.recipe.file import load_recipe, read_recipe
from tests.conftest import REPOSITORY
from tests.llm_encoders.conftest import beir  # noqa: F401
from tests.llm_encoders.distill_query.small import write_teacher
from tests.reproductions.parsers import verdict

FOLDER = REPOSITORY / "reproductions" / "scalingnote"


@pytest.fixture
def modules(monkeypatch):
    """``run``, ``results``, ``study`` and ``shorten``, imported as the scripts import them."""
    names = ("run", "results", "study", "shorten")
    monkeypatch.syspath_prepend(FOLDER)
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import results
    import run
    import shorten
    import study

    yield SimpleNamespace(run=run, results=results, study=study, shorten=shorten)
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def plan(modules, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    return modules.study.load()


def dry(modules, plan, capsys, collections="BEIR", only=()):
    """The commands of a dry run, as words."""
    modules.run.run(plan, collections, only, dry=True)
    return [shlex.split(line) for line in capsys.readouterr().out.splitlines()]


def test_every_recipe_of_the_study_is_one(plan):
    found = set()
    for step in plan.steps.values():
        if step.recipe is not None:
            _, _, module, path, *changes = step.words("my, data")
            if module.endswith("train"):
                recipe = load_recipe(path, changes)
                seed, places = recipe.schedule.seed, [recipe.data.corpus]
                places += recipe.evaluation.collections
            else:
                recipe = read_recipe(DistillRecipe, path, changes)
                seed, places = recipe.schedule.seed, [recipe.queries.source]
                needed = {one.output for one in map(plan.steps.get, step.needs)}
                assert recipe.teacher.startswith("llm-") or recipe.teacher in needed
            assert recipe.output == step.output and step.label
            assert step.seed in (None, seed)
            assert not any(str(place).startswith("BEIR/") for place in places)
            found |= {place for place in map(str, places) if place.startswith("my, data/")}
    assert found == {"my, data/nfcorpus"}


def test_every_other_command_is_taken_by_its_program(modules, plan, capsys):
    listed = dry(modules, plan, capsys)
    assert not [words for words in listed if verdict(words)][:1]
    assert len({tuple(words) for words in listed if "evaluate" not in words}) == sum(
        step.page is None for step in plan.steps.values()
    )


def test_a_step_comes_after_what_it_needs(plan):
    for group in plan.groups:
        order = [step.name for step in plan.steps_of([group])]
        for number, name in enumerate(order):
            assert set(plan.steps[name].needs) <= set(order[:number])
    assert {step.name for step in plan.steps_of(plan.groups)} == set(plan.steps)


def test_what_is_compared_is_evaluated(plan):
    for one in plan.comparisons:
        labels = {
            plan.label(name, evaluation)
            for evaluation in plan.evaluations_of([one.group])
            if one.name in (None, evaluation.name)
            for name in (evaluation.teacher, *evaluation.students)
        }
        assert {one.first, *one.others} <= labels


def test_two_seeds_of_the_main_comparison_at_least(plan):
    for one in plan.comparisons:
        if one.group == "two-stage":
            for label in (one.first, *one.others):
                assert {
                    plan.steps[name].seed
                    for evaluation in plan.evaluations_of(["two-stage"])
                    for name in (evaluation.teacher, *evaluation.students)
                    if plan.label(name, evaluation) == label
                } >= {1, 2}


def test_few_queries_are_timed_in_more_rounds(plan):
    rounds = {}
    for one in plan.evaluations:
        for name in plan.collections:
            words = plan.evaluate(one, name, "BEIR")
            given = dict(pairwise(words))
            rounds[name, one.timed] = given.get("--repeats"), given.get("--timed")
    assert rounds["msmarco-dl19", None] == rounds["msmarco-dl20", None] == ("21", None)
    assert rounds["nfcorpus", None] == rounds["scifact", None] == (None, None)
    assert rounds["msmarco-dl19", 20] == rounds["nfcorpus", 20] == ("1", "20")


def test_a_group_and_its_collections(modules, plan, capsys):
    listed = dry(modules, plan, capsys, "my data", ["queries"])
    assert [words[3] for words in listed].count("evaluate") == 2  # two teachers, one collection
    assert any("queries.source=my data/nfcorpus" in words for words in listed)
    assert not any("BEIR/" in word for words in listed for word in words)


def test_wrong_names_are_refused(modules, plan, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="no group lossses; there are trade-off, "):
        modules.run.run(plan, "BEIR", ["lossses"])
    with pytest.raises(UsageError, match=r"There is no runs/tiny/train.jsonl; .*README.md says"):
        modules.run.run(plan, "BEIR", ["larger"])
    with pytest.raises(UsageError, match="there is no nowhere/nfcorpus, the collection nfcorpus"):
        modules.run.run(plan, "nowhere", ["losses"])
    for name in ("nfcorpus", "scifact"):
        (tmp_path / "two" / name).mkdir(parents=True)
    with pytest.raises(UsageError, match="there is no .*two/msmarco-dl, the collection"):
        modules.run.run(plan, str(tmp_path / "two"), ["trade-off"])
    began = []
    monkeypatch.setattr(modules.run, "_run", lambda *given: began.append(given[1]))
    monkeypatch.setattr(modules.run, "FINISHED", tmp_path / "finished.json")
    modules.run.run(plan, str(tmp_path / "two"), ["losses", "queries"])  # measured on these two
    assert began == [["losses", "queries"]]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="run this at the top of the repository"):
        modules.run.run(plan, "BEIR")
    text = (FOLDER / "study.yaml").read_text(encoding="utf-8")
    wrong = tmp_path / "study.yaml"
    wrong.write_text(text.replace("needs: [scored]", "needs: [scorde]"), encoding="utf-8")
    with pytest.raises(UsageError, match="sparse-margin names scorde, which is not in the study"):
        modules.study.load(wrong)


@pytest.fixture
def toy(modules, tmp_path, monkeypatch, beir):  # noqa: F811
    """A study of two students on a toy collection; its commands run in this process."""
    top = tmp_path / "top"
    top.mkdir()
    (top / "reproductions").symlink_to(REPOSITORY / "reproductions")
    monkeypatch.chdir(top)
    teacher = str(write_teacher(tmp_path / "teacher", "sparse"))
    changes = ["schedule={steps: 2, queries: 4}", "saving={every: 2}", "device=cpu"]
    steps = {
        "table": {"recipe": "lightretriever-lookup", "changes": [f"teacher={teacher}"]},
        "small": {
            "recipe": "scalingnote-sparse-queries",
            "changes": [f"teacher={teacher}", "queries.source=BEIR/collection", *changes],
            "seed": 3,
            "needs": ["table"],
        },
    }
    for name, step in steps.items():
        step |= {"output": f"runs/{name}", "label": f"the {name}"}
    common = {"teacher": teacher, "labels": {"table": "counts"}}
    both = {"name": "both", "students": ["table", "small"], "plot": True}
    values = {
        "threads": 1,
        "collections": {"toy": {"folder": "collection", "split": "test"}},
        "steps": steps,
        "evaluations": [
            {"group": "a", **common, **both},
            {"group": "b", "name": "alone", "teacher": teacher},
        ],
        "comparisons": [],
    }
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    monkeypatch.setattr(modules.results, "FILE", tmp_path / "results.csv")
    calls = []

    def call(words, check):
        name, *rest = words[3:]
        calls.append([name, *rest])
        code = evaluate.main(rest) if name == "evaluate" else command.main([name, *rest])
        return SimpleNamespace(returncode=code)

    monkeypatch.setattr(modules.run, "subprocess", SimpleNamespace(run=call))
    return SimpleNamespace(file=file, plan=modules.study.load(file), calls=calls, place=beir.parent)


def test_a_study_is_run_once_and_collected(modules, toy, tmp_path):
    run, results = modules.run, modules.results
    run.run(toy.plan, str(toy.place))
    assert [words[0] for words in toy.calls] == [
        "reproductions/recipes/lightretriever-lookup.yaml",
        "reproductions/recipes/scalingnote-sparse-queries.yaml",
        *["evaluate"] * 2,
    ]
    rows = results.read()
    assert [(row["group"], row["label"], row["seed"], row["role"]) for row in rows] == [
        ("a", str(tmp_path / "teacher"), None, "teacher"),
        ("a", "counts", None, "student"),
        ("a", "the small", 3, "student"),
        ("b", str(tmp_path / "teacher"), None, "teacher"),
    ]
    small = load_encoder("runs/small", device="cpu")
    layer = small.backbone.decoder.layers[0]
    norm = small.backbone.decoder.norm.weight.numel()
    assert rows[2]["layer parameters"] == norm + sum(one.numel() for one in layer.parameters())
    assert rows[2]["parameters"] == small.parameters > rows[2]["layer parameters"]
    assert rows[0]["recall@50"] == rows[3]["recall@50"]
    assert rows[1]["queries/s single"] > 0 and rows[1]["kind"] == "lookup"
    plot = tmp_path / "pareto-both-toy.svg"
    assert plot.exists() == can_plot()

    run.run(toy.plan, str(toy.place))
    assert len(toy.calls) == 4  # nothing again
    results.FILE.write_text(results.text(rows[:3]), encoding="utf-8")
    run.run(toy.plan, str(toy.place), ["b"])
    assert len(toy.calls) == 5 and len(results.read()) == 4


def test_a_command_that_fails_stops_the_study(modules, toy, tmp_path):
    (toy.place / "collection" / "queries.jsonl").unlink()
    with pytest.raises(EncoderError, match=r"exit code \d: python -m llm_encoders.distill_query"):
        modules.run.run(toy.plan, str(toy.place))
    assert len(toy.calls) == 2 and not modules.results.FILE.exists()
    noted = modules.run.FINISHED.read_text(encoding="utf-8")
    assert "lightretriever" in noted and "sparse-queries" not in noted


def test_layers_that_are_cut_out_are_those_of_the_encoder(modules, tmp_path):
    whole = load_encoder("llm-dense-tiny", device="cpu", dtype="float32")
    modules.shorten.shorten("llm-dense-tiny", 4, tmp_path / "all")
    texts = ["statins and survival", "heart"]
    same = load_encoder(str(tmp_path / "all"), device="cpu", dtype="float32")
    assert np.abs(same.encode_queries(texts) - whole.encode_queries(texts)).max() < 1e-5
    modules.shorten.shorten("llm-dense-tiny", 1, tmp_path / "one")
    one = load_encoder(str(tmp_path / "one"), device="cpu", dtype="float32").backbone.decoder
    wanted = whole.backbone.decoder.state_dict()
    found = one.state_dict()
    assert {name for name in wanted if ".0." in name or "layers" not in name} == set(found)
    assert all(bool((wanted[name] == found[name]).all()) for name in found)
    with pytest.raises(SystemExit, match="--layers is 5, but llm-dense-tiny has 4 layers"):
        modules.shorten.shorten("llm-dense-tiny", 5, Path("nowhere"))
