"""The committed conditions: whole, as Pyserini reads them, and with a source for every score."""

import ast
import importlib.util
from pathlib import Path

import pytest
import yaml

from llm_encoders import registry
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.spec import parse_spec
from pyserini_ext.conditions import FAMILIES, load_conditions, loading, select
from pyserini_ext.encode.arguments import parse
from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "reproductions" / "conditions"
PYSERINI = Path(importlib.util.find_spec("pyserini").origin).parent / "2cr"


def constants(module):
    """Values of a Pyserini module's assignments that are literals."""
    found = {}
    for node in ast.parse((PYSERINI / f"{module}.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


def test_families_are_as_pyserini_has_them():
    known = constants("msmarco")
    family = FAMILIES["msmarco-v1-passage"]
    assert {key: family.measures_for(key) for key in family.keys} == known[
        "trec_eval_metric_definitions"
    ][family.name]
    for name in ("sparse_threads", "sparse_batch_size", "dense_threads", "dense_batch_size"):
        assert family.variables[name] == str(known[name]) == str(constants("beir")[name])
    for name in ("beir", "bright"):
        known, family = constants(name), FAMILIES[name]
        assert family.measures == known["trec_eval_metric_definitions"]
        assert set(family.keys) <= set(known[f"{name}_keys"])
    assert FAMILIES["bright"].keys == tuple(known["bright_keys"])
    source = (PYSERINI / "beir.py").read_text(encoding="utf-8")
    qrels = FAMILIES["beir"].evaluation_for("{dataset}")
    for part in ("run.beir.{name}.{dataset}.txt", qrels, "<= 0.0005:"):
        assert part in source
    source = (PYSERINI / "bright.py").read_text(encoding="utf-8")
    qrels = FAMILIES["bright"].evaluation_for("{dataset}")
    for part in ("run.bright.{name}.{dataset}.txt", f"'{qrels}'", "<= 0.005:"):
        assert part in source
    source = (PYSERINI / "msmarco.py").read_text(encoding="utf-8")
    assert "<= 0.0005 or score > float(expected[metric])" in source
    assert "run.{args.collection}.{name}.{short_topic_key}.txt" in source


def test_no_name_is_one_of_pyserini():
    for family in FAMILIES.values():
        path = PYSERINI / f"{family.name}.yaml"
        theirs = yaml.safe_load(path.read_text())["conditions"] if path.exists() else []
        ours = {one.name for one in load_conditions() if one.family is family}
        assert ours and ours.isdisjoint(one["name"] for one in theirs)


@pytest.mark.parametrize("family", ["msmarco-v1-passage", "beir", "bright"])
def test_every_retriever_that_can_be_loaded_has_a_condition(family):
    conditions = select(load_conditions(), [family])
    encoders = [encoder for one in conditions for encoder in one.encoders]
    known = registry.presets().values()
    wanted = {one.name for one in known if one.repository and not one.unavailable}
    assert sorted(encoders) == sorted(n for n in wanted if not n.startswith("splade-code"))
    for one in conditions:
        assert one.name.startswith(one.encoders[0])
        assert tuple(task.key for task in one.tasks) == FAMILIES[
            family
        ].keys or one.family.name == ("bright")
        assert {task.key for task in one.tasks} == set(FAMILIES[family].keys)


def test_commands_fit_their_encoders():
    for condition in load_conditions():
        for task in condition.tasks:
            steps = task.steps()
            written = [step.output for step in steps]
            assert len(set(written)) == len(written)
            for step in steps:
                if step.module == "pyserini.encode":
                    options = parse(list(step.words), "encode")
                    sparse = registry.presets()[options.encoder].contract.paradigm == "sparse"
                    assert options.output == ("lucene" if sparse else "faiss")
                if step.module.startswith("pyserini.search"):
                    (index,) = step.values("--index")
                    assert index in written
                    paradigm = "sparse" if step.module.endswith("lucene") else "dense"
                    if step.encoder:
                        name, options = parse_spec(step.encoder)
                        preset = registry.presets()[name]
                        assert preset.contract.paradigm == paradigm
                        assert options.keys() <= {"instruction"}
                        taken = preset.contract.instruction is not None
                        assert taken or not options
                    assert ("--impact" in step.words) == bool(paradigm == "sparse" and step.encoder)


def test_pyserini_sees_by_the_index_that_documents_are_excluded():
    """It leaves out documents of three parts of BRIGHT where the index has their name."""
    for condition in load_conditions():
        for task in condition.tasks:
            for index in (name for step in task.steps() for name in step.values("--index")):
                assert (f"bright-{task.key}" in index) == (condition.family.name == "bright")


def test_published_scores_of_the_presets_are_those_of_conditions():
    (condition,) = select(load_conditions(), ["msmarco-v1-passage/repllama-v1-7b"])
    found = {(t.key, m): s.value for t in condition.tasks for m, s in t.scores.items()}
    assert found == {
        ("msmarco-v1-passage.dev", "MRR@10"): 0.412,
        ("msmarco-v1-passage.dev", "R@1K"): 0.994,
        ("dl19-passage", "nDCG@10"): 0.743,
        ("dl20-passage", "nDCG@10"): 0.721,
    }
    assert all("arXiv 2504" in str(s.source) for t in condition.tasks for s in t.scores.values())


def test_scores_read_in_pyserini_are_the_ones_there():
    theirs = {
        one["name"]: {
            (task["dataset"], measure): value
            for task in one["datasets"]
            for group in task["scores"]
            for measure, value in group.items()
        }
        for one in yaml.safe_load((PYSERINI / "bright.yaml").read_text())["conditions"]
    }
    count = 0
    for condition in select(load_conditions(), ["bright"]):
        for task in condition.tasks:
            for measure, score in task.scores.items():
                name = score.source.published.rpartition("condition ")[2]
                assert theirs[name][task.key, measure] == score.value
                count += 1
    assert count == 48


def test_selectors():
    known = load_conditions()
    assert len(select(known, ["llm-splade-8b"])) == 3
    (one,) = select(known, ["tiny/fusion/cacm"])
    assert (one.selector, [task.key for task in one.tasks]) == ("tiny/fusion", ["cacm"])
    (one,) = select(known, ["tiny/bm25/cacm", "tiny/bm25/scifact", "tiny/bm25/cacm"])
    assert [task.key for task in one.tasks] == ["scifact", "cacm"]
    with pytest.raises(UsageError, match="No condition 'tiny/fuson'. Did you mean 'tiny/fusion'"):
        select(known, ["tiny/fuson"])


def test_the_package_is_looked_at_before_the_clone(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "_CLONE", tmp_path / "clone")
    monkeypatch.setattr(loading, "_INSTALLED", tmp_path / "installed")
    with pytest.raises(EncoderError, match="There are no conditions in"):
        loading.conditions_folder()
    (tmp_path / "clone").mkdir()
    assert loading.conditions_folder() == tmp_path / "clone"
    (tmp_path / "installed").mkdir()
    assert loading.conditions_folder() == tmp_path / "installed"
