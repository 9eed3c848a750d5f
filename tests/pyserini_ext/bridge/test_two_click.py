"""Our conditions in Pyserini's two-click harness; its displayed commands, executed."""

import argparse
import json
import math
import os
import re

import pytest

from pyserini_ext.bridge import two_click
from pyserini_ext.bridge.two_click import NoScore
from pyserini_ext.conditions import FAMILIES, load_conditions, select
from pyserini_ext.conditions.steps import parse_steps
from tests.pyserini_ext.brute_force import read_run

HARNESSES = {
    "msmarco-v1-passage": ("pyserini.2cr.msmarco", "--collection", "v1-passage"),
    "beir": ("pyserini.2cr.beir",),
    "bright": ("pyserini.2cr.bright",),
}
WORDS = ("wing", "flow", "shock", "heat", "boundary", "layer", "body", "plate", "jet", "cone")
QUERIES = {"1": "the wing in a flow", "2": "heat of the plate", "3": "cone of a jet"}


@pytest.fixture
def work(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def displayed(shown):
    """The commands of what a harness has printed."""
    blocks = re.findall(r"```bash\n(.*?)\n```", shown, re.DOTALL)
    return [block.replace("\\\n", " ") for block in blocks]


def documents():
    """50 of them, as id and text."""
    for number in range(50):
        words = [WORDS[(number * 7 + i * (number % 3 + 1)) % len(WORDS)] for i in range(5)]
        yield str(number), f"Notes on the {' and the '.join(words)}."


def write_collection(family):
    """The documents, where the commands of a family's first task read them."""
    if family == "msmarco-v1-passage":
        os.makedirs("collections/msmarco-v1-passage")
        lines = "".join(f"{docid}\t{text}\n" for docid, text in documents())
        with open("collections/msmarco-v1-passage/collection.tsv", "w") as stream:
            stream.write(lines)
        return "dl19-passage"
    key = "nfcorpus" if family == "beir" else "biology"
    folder = f"collections/{'' if family == 'beir' else 'bright/'}{key}"
    os.makedirs(folder)
    with open(f"{folder}/corpus.jsonl", "w") as stream:
        for docid, text in documents():
            stream.write(json.dumps({"_id": docid, "title": "", "text": text}) + "\n")
    with open(f"{folder}/queries.jsonl", "w") as stream:
        stream.writelines(json.dumps({"_id": q, "text": t}) + "\n" for q, t in QUERIES.items())
    return key


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "condition", "tiny"),
    [
        ("msmarco-v1-passage", "llm-splade-8b", "llm-splade-tiny"),
        ("beir", "llm-splade-8b", "llm-splade-tiny"),
        ("bright", "reason-embed-qwen3-4b", "llm-dense-tiny"),
    ],
)
def test_displayed_commands_run(warm_python, work, family, condition, tiny):
    """Exactly those commands: but for the model, and topics, which Pyserini would fetch."""
    key = write_collection(family)
    module, *words = HARNESSES[family]
    show = ("--condition", condition, "--display-commands", "--dry-run")
    commands = displayed(warm_python("-m", module, *words, *show).stdout)
    tasks = select(load_conditions(), [f"{family}/{condition}"])[0].tasks
    assert [parse_steps(one) for one in commands] == [task.steps() for task in tasks]
    (task,) = [task for task in tasks if task.key == key]
    (command,) = [one for one in commands if f"--output {task.run}" in one]
    with open("topics.json", "w") as stream:
        json.dump({name: {"title": text} for name, text in QUERIES.items()}, stream)
    assert command.count(condition) == 5
    command = command.replace(condition, tiny)
    command = re.sub(r"--topics \S+( +--topics-format \S+)?", "--topics topics.json", command)
    if family == "bright":  # the tiny encoder takes no instruction, but a prefix
        command = command.replace(",instruction=", ",query_prefix=")
    for step in parse_steps(command):
        warm_python("-m", step.module, *step.words)
    run = read_run(work / task.run.replace(condition, tiny))
    assert run.keys() == QUERIES.keys()
    if tiny == "llm-dense-tiny":
        assert all(len(hits) == 50 - (family == "bright") for hits in run.values())


def test_ours_stand_behind_theirs(python, warm_python, work):
    for family, (module, *words) in HARNESSES.items():
        ours = [one.name for one in select(load_conditions(), [family])]
        listed = warm_python("-m", module, *words, "--list-conditions").stdout.split()
        assert listed[-len(ours) :] == ours and len(listed) > len(ours)
        assert not set(listed[: -len(ours)]) & set(ours)
    module, *words = HARNESSES["beir"]
    stock = python("-m", module, *words, "--list-conditions", PYSERINI_EXT_HOOK="0").stdout.split()
    assert (
        stock == warm_python("-m", module, *words, "--list-conditions").stdout.split()[: len(stock)]
    )


def test_their_commands_and_pages_are_unchanged(python, warm_python, work):
    for family, (module, *words) in HARNESSES.items():
        page = ("--generate-report", "--output")
        python("-m", module, *words, *page, "stock.html", PYSERINI_EXT_HOOK="0")
        warm_python("-m", module, *words, *page, "ours.html")
        stock, ours = ((work / f"{name}.html").read_text() for name in ("stock", "ours"))
        added = "llm-splade-8b"
        assert added in ours and added not in stock
        lines = iter(ours.splitlines())
        assert all(line in lines for line in stock.splitlines()), family  # in this order
    show = (*HARNESSES["msmarco-v1-passage"], "--condition", "bm25-default", "--display-commands")
    stock = python("-m", *show, "--dry-run", PYSERINI_EXT_HOOK="0").stdout
    ours = warm_python("-m", *show, "--dry-run").stdout
    assert without_times(stock) == without_times(ours)


def without_times(shown):
    return re.sub(r"(Start|End) time: .*", "", shown)


def test_scores_of_ours_in_their_tables(warm_python, work):
    """Known ones as they are, and ``none`` for those that nobody has read or measured."""
    skip = ("--dry-run", "--skip-eval")
    show = (*HARNESSES["msmarco-v1-passage"], "--condition", "repllama-v1-7b", *skip)
    row = warm_python("-m", *show).stdout.split("repllama-v1-7b: FAISS, flat")[-1].splitlines()[0]
    assert row.split() == ["none", "0.7430", "none", "none", "0.7210", "none", "0.4120", "0.9940"]
    show = (*HARNESSES["bright"], "--condition", "reason-embed-qwen3-4b", *skip)
    table = warm_python("-m", *show).stdout.split("reason-embed-qwen3-4b ")[-1].splitlines()
    assert table[1].split() == ["biology", "0.5410", "0.9245", "–"]


def test_every_score_passes_where_none_is_known():
    none = NoScore()
    assert float(none) < 0.0 and not math.isclose(0.0, none)
    assert (f"{none:8.4f}", f"{none:.4f}") == ("    none", "none")


def test_a_dataset_that_ours_does_not_have(capsys):
    (family,) = (one for one in FAMILIES.values() if one.name == "beir")
    options = argparse.Namespace(all=False, condition="llm-splade-8b", dataset="scifct")
    with pytest.raises(SystemExit) as ending:
        two_click._require_dataset(family, options)
    assert ending.value.code == 2
    assert "no dataset 'scifct'" in (said := capsys.readouterr().err)
    assert "Did you mean 'scifact'?" in said
    for name, value in (("dataset", "scifact"), ("dataset", None), ("condition", "bm25-flat")):
        two_click._require_dataset(family, argparse.Namespace(**vars(options) | {name: value}))
