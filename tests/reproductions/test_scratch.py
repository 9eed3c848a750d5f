"""The commands of reproductions/scratch/README.md at tiny scale, and what they made."""

import csv
import gzip
import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run

REPRODUCTIONS = Path(__file__).parents[2] / "reproductions"
FOLDER = REPRODUCTIONS / "scratch"
NAMES = [
    f"{paradigm}-{stage}"
    for paradigm in ("sparse", "dense")
    for stage in ("pairs", "contrastive", "distillation", "both")
]


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def collection(shared_data, tmp_path):
    """Some queries of every split of nfcorpus, and the documents that are judged for them."""
    whole, folder = shared_data / "collections" / "nfcorpus", tmp_path / "nfcorpus"
    (folder / "qrels").mkdir(parents=True)
    queries, documents = set(), set()
    for split in ("train", "dev", "test"):
        lines = (whole / "qrels" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()
        kept = lines[:13]
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(kept) + "\n", encoding="utf-8")
        queries |= {line.split("\t")[0] for line in kept}
        documents |= {line.split("\t")[1] for line in kept}
    for name, wanted in (("queries", queries), ("corpus", documents)):
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as stream:
            for line in (whole / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
                if json.loads(line)["_id"] in wanted:
                    stream.write(line + "\n")
    return folder


def write_scored(collection, path):
    """What mining and scoring write, whose commands the README's test runs."""
    lines = (collection / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    texts = {record["_id"]: record["text"] for record in map(json.loads, lines)}
    lines = (collection / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    documents = [json.loads(line)["_id"] for line in lines]
    qrels = (collection / "qrels" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    with path.open("w", encoding="utf-8") as stream:
        for query, docid, _ in (line.split("\t") for line in qrels):
            others = [name for name in documents if name != docid][:4]
            record = {"question": texts[query], "pos_pid": docid, "neg_pids": others}
            record |= {"pos_score": 0.8, "neg_scores": [0.1 * n for n in range(len(others))]}
            stream.write(json.dumps(record) + "\n")


@pytest.mark.slow
@pytest.mark.whole
def test_the_page_at_tiny_scale(warm_python, shared_data, collection, tmp_path):
    pairs, runs = tmp_path / "pairs", tmp_path / "runs"
    pairs.mkdir()
    with gzip.open(shared_data / "pairs" / "medquad.jsonl.gz", "rt", encoding="utf-8") as source:
        lines = list(itertools.islice(source, 20))
    with gzip.open(pairs / "medquad.jsonl.gz", "wt", encoding="utf-8") as target:
        target.writelines(lines)
    warm_python(FOLDER / "begin.py", "--pairs", pairs, "--output", runs)
    write_scored(collection, runs / "scored.jsonl")
    write_scored(collection, runs / "scored-deep.jsonl")
    for name in NAMES:
        path = REPRODUCTIONS / "recipes" / f"scratch-{name}.yaml"
        written = load_recipe(path)
        words = [f"evaluation.collections=[{collection}]", f"output={runs / name}"]
        words += [f"backbone={runs / Path(written.backbone).name}"]
        words += [f"data.train={runs / Path(written.data.train).name}"]
        words += ["schedule.steps=2", "schedule.queries=4", "evaluation.every=2"]
        words += ["dtype=float32", "trainer={disable_tqdm: true, logging_steps: 1}"]
        words += [f"data.corpus={collection}"] if written.data.corpus else []
        run(load_recipe(path, words))
    warm_python(
        *(FOLDER / "figures.py", "--runs", runs, "--collection", collection),
        *("--output", tmp_path),
    )
    found = rows(tmp_path / "results.csv")
    assert [(row["paradigm"], row["run"]) for row in found] == [
        (paradigm, name)
        for paradigm in ("sparse", "dense")
        for name in ("untrained", "pairs", "contrastive", "distillation", "both")
    ]
    assert all(0 <= float(row["ndcg@10"]) <= 1 for row in found)
    curves = rows(tmp_path / "curves.csv")
    assert len(curves) == len(NAMES) * 2 and (tmp_path / "curves.svg").stat().st_size > 1000


def test_the_recipes_differ_only_in_what_is_compared():
    recipes = {
        name: load_recipe(REPRODUCTIONS / "recipes" / f"scratch-{name}.yaml") for name in NAMES
    }
    for paradigm in ("sparse", "dense"):
        first = recipes[f"{paradigm}-contrastive"]
        for objective in ("distillation", "both"):
            other = recipes[f"{paradigm}-{objective}"]
            assert other.objective != first.objective
            alike = replace(other, objective=first.objective, output=first.output)
            if (paradigm, objective) == ("dense", "distillation"):  # fewer queries, more passages
                assert passages(other) == passages(first)
                data = replace(other.data, train=first.data.train, negatives=first.data.negatives)
                schedule = replace(other.schedule, queries=first.schedule.queries)
                alike = replace(alike, data=data, schedule=schedule)
            assert alike == first, (paradigm, objective)


def passages(recipe):
    """Passages of one step."""
    return recipe.schedule.queries * (1 + recipe.data.negatives)


def test_the_committed_results_show_what_the_page_says():
    """Every trained model is far above the untrained one; curves and table are of the same runs."""
    found = {
        (row["paradigm"], row["run"]): float(row["ndcg@10"]) for row in rows(FOLDER / "results.csv")
    }
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for (paradigm, name), value in found.items():
        assert f"{value:.3f}" in page, (paradigm, name)
        if name != "untrained":
            times = 1.7 if name == "pairs" else 1.95
            assert value >= times * found[paradigm, "untrained"], (paradigm, name)
    drawn = {(row["paradigm"], row["run"]) for row in rows(FOLDER / "curves.csv")}
    assert drawn == {key for key in found if key[1] != "untrained"}
