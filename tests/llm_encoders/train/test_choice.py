"""Which checkpoint is published, and on what queries it is chosen: never on those reported."""

import json

import numpy as np
import pytest
import yaml
from safetensors.torch import load_file

from llm_encoders import EncoderError, UsageError, load_encoder
from llm_encoders.data.prepare import DataSources, prepare
from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.evaluate import evaluate
from llm_encoders.train import retrieval_trainer
from llm_encoders.train.held_out import hold_out
from llm_encoders.train.recipe.errors import RecipeError
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
from tests.llm_encoders.conftest import QUESTIONS

WEIGHTS = "adapter_model.safetensors"


@pytest.mark.parametrize("split", ["test", "Test", "test-2019", "my_test"])
def test_a_test_split_never_chooses(recipe_file, split):
    path = recipe_file(evaluation={"collections": ["x"], "split": split})
    with pytest.raises(UsageError, match=r"evaluation.split is '.*write report: \[test\]"):
        load_recipe(path)


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        ({}, "evaluation.collections is empty; .*or give evaluation.held_out"),
        ({"collections": ["x"], "report": ["dev"]}, "names 'dev', on which the checkpoint is"),
        ({"held_out": 3, "report": ["test"]}, "evaluation.collections is empty"),
        ({"held_out": 3, "collections": ["x"]}, "so the collections have no use"),
        ({"held_out": 0}, "give a whole number from 1"),
    ],
)
def test_what_cannot_choose(recipe_file, evaluation, message):
    with pytest.raises(UsageError, match=message):
        load_recipe(recipe_file(evaluation=evaluation))


def test_dev_is_the_default_and_latest_is_a_name(recipe_file):
    recipe = load_recipe(recipe_file(evaluation={"collections": ["x"]}))
    assert recipe.evaluation.split == "dev"
    load_recipe(recipe_file(evaluation={"collections": ["x"], "split": "latest"}))


def test_a_collection_without_development_queries(recipe_file, beir):
    (beir / "qrels" / "dev.tsv").unlink()
    with pytest.raises(UsageError, match="'dev'; it has .*hold out training queries"):
        run(load_recipe(recipe_file(evaluation={"collections": [str(beir)]})))


def choosing(monkeypatch, scores):
    """Let evaluations give these nDCGs, one after the other."""
    left = iter(scores)
    monkeypatch.setattr(
        retrieval_trainer, "evaluate", lambda encoder, collection: {"ndcg@10": next(left)}
    )


def test_the_untrained_weights_are_never_published(recipe_file, tmp_path, beir, monkeypatch):
    choosing(monkeypatch, [0.9, 0.1, 0.3, 0.2])
    evaluation = {"collections": [str(beir)], "every": 1, "at_start": True}
    run(load_recipe(recipe_file(evaluation=evaluation, saving={"every": 1, "keep": 3})))
    output = tmp_path / "run"
    published, best = load_file(output / WEIGHTS), load_file(output / "checkpoint-2" / WEIGHTS)
    assert all(published[key].equal(best[key]) for key in best)
    card = (output / "README.md").read_text()
    assert "The checkpoint (step 2) was chosen by ndcg@10 on the split dev of collection" in card
    assert "0.3000" in card and "0.9000" not in card


def test_what_is_reported_is_the_published_encoder(recipe_file, tmp_path, beir, monkeypatch):
    """Test queries are judged by other documents than those that choose; the figures are theirs."""
    test = beir / "qrels" / "test.tsv"
    lines = test.read_text().splitlines()
    test.write_text("\n".join([lines[0], *lines[1:3]]) + "\n", encoding="utf-8")
    evaluation = {"collections": [str(beir)], "every": 1, "report": ["test"]}
    run(load_recipe(recipe_file(evaluation=evaluation, saving={"every": 1, "keep": 3})))
    output = tmp_path / "run"
    found = evaluate(load_encoder(str(output), device="cpu"), Collection.load(str(beir), "test"))
    log = [json.loads(line) for line in (output / "log.jsonl").open()]
    assert log[-1]["report_test_collection_ndcg@10"] == pytest.approx(found["ndcg@10"], abs=1e-6)
    assert log[-1]["report_test_passage_terms"] == pytest.approx(found["passage_terms"], abs=1e-6)
    card = (output / "README.md").read_text()
    assert f"| test | collection_ndcg@10 | {found['ndcg@10']:.4f} |" in card
    assert "| dev (chose the checkpoint) | collection_ndcg@10 |" in card


def test_a_best_checkpoint_that_is_gone(recipe_file, tmp_path, beir, monkeypatch):
    choosing(monkeypatch, [0.9, 0.2, 0.1])
    evaluation = {"collections": [str(beir)], "every": 1}
    recipe = load_recipe(recipe_file(evaluation=evaluation, saving={"every": 1, "keep": 3}))
    run(recipe)
    output = tmp_path / "run"
    (output / "cost.json").unlink()  # as a kill before the end leaves it
    (output / "checkpoint-1").rename(tmp_path / "elsewhere")
    with pytest.raises(EncoderError, match="The best checkpoint, .*checkpoint-1, is gone"):
        run(recipe)
    (tmp_path / "elsewhere").rename(output / "checkpoint-1")
    run(recipe)
    assert (output / "cost.json").exists()


def test_held_out_queries_are_not_trained_on(tmp_path, scored, beir):
    data = prepare(DataSources(str(scored), str(beir / "corpus.jsonl")), tmp_path / "data")
    kept, collection = hold_out(data, 3, seed=5)
    trained = {kept.queries[row]["query"] for row in range(len(kept.queries))}
    held = set(collection.queries.values())
    asked = {question for questions in QUESTIONS.values() for question in questions}
    assert len(held) == 3 and trained | held == asked and not trained & held
    again = hold_out(data, 3, seed=5)[1]
    assert again.queries == collection.queries
    assert set(hold_out(data, 3, seed=6)[1].queries.values()) != held
    topic = {question: name for name, questions in QUESTIONS.items() for question in questions}
    for name, text in collection.queries.items():
        (relevant,) = collection.qrels[name]
        assert data.passages.ids([int(relevant)]) == [topic[text]]
    assert len(collection.ids) == len(data.passages) == len(set(collection.ids))


def test_equal_queries_are_held_out_together(tmp_path, scored, beir):
    """Both records of a query leave, however it is written; both positives are relevant."""
    lines = [json.loads(line) for line in scored.read_text().splitlines()]
    other = {**lines[0], "question": "  " + lines[0]["question"].upper(), "pos_pid": "rain"}
    other["neg_pids"], other["neg_scores"] = ["cats"], [0.0]
    scored.write_text("".join(json.dumps(line) + "\n" for line in [*lines, other]))
    data = prepare(DataSources(str(scored), str(beir / "corpus.jsonl")), tmp_path / "data")
    count = len(lines) - 2
    kept, collection = hold_out(data, count, seed=1)
    held = {" ".join(text.split()).casefold() for text in collection.queries.values()}
    trained = [kept.queries[row]["query"] for row in range(len(kept.queries))]
    assert not held & {" ".join(text.split()).casefold() for text in trained}
    first = lines[0]["question"]
    if first.casefold() in held:
        (name,) = (n for n, t in collection.queries.items() if t.casefold().strip() == first)
        assert len(collection.qrels[name]) == 2
    with pytest.raises(RecipeError, match="there are only 9 different training queries"):
        hold_out(data, count + 1, seed=1)


@pytest.mark.parametrize("layout", ["beir", "numbered apart"])
def test_an_equal_id_is_the_query_itself_in_beir_only(tmp_path, scored, beir, layout):
    """Elsewhere query 'bread' and passage 'bread' have nothing but a name in common."""
    records = [json.loads(line) for line in scored.read_text().splitlines()]
    for record in records:
        record["query_id"] = record["pos_pid"]
    scored.write_text("".join(json.dumps(record) + "\n" for record in records))
    corpus = beir if layout == "beir" else beir / "corpus.jsonl"
    data = prepare(DataSources(str(scored), str(corpus)), tmp_path / "data")
    collection = hold_out(data, 5, seed=5)[1]
    for name, relevant in collection.qrels.items():
        assert (name in relevant) == (name in collection.ids) == (layout == "beir")
    for one in (data.queries[row] for row in range(len(data.queries))):
        everything = list(range(len(data.passages)))
        left_out = np.flatnonzero(data.excluded_negatives(one, everything)).tolist()
        assert left_out == one["positives"]


def test_a_run_that_holds_out_queries(recipe_file, tmp_path, beir):
    evaluation = {"held_out": 2, "every": 1, "collections": [str(beir)], "report": ["test"]}
    recipe = recipe_file(evaluation=evaluation, saving={"every": 1})
    run(load_recipe(recipe))
    output = tmp_path / "run"
    log = [json.loads(line) for line in (output / "log.jsonl").open()]
    chosen = [line["eval_held-out_ndcg@10"] for line in log if "eval_held-out_ndcg@10" in line]
    assert len(chosen) == 3 and all(0 <= value <= 1 for value in chosen)
    card = (output / "README.md").read_text()
    step = int(np.argmax(chosen)) + 1
    assert f"(step {step}) was chosen by ndcg@10 on 2 training queries that were held out" in card
    assert "| held-out (chose the checkpoint) | held-out_ndcg@10 |" in card
    assert "| test | collection_ndcg@10 |" in card


def test_the_card_names_what_made_the_encoder(recipe_file, tmp_path):
    licence = "other\nbase_model: somebody/else\ntags: [x]"
    strength = {"queries": 0.0123, "passages": 0.0456}
    run(load_recipe(recipe_file(card={"licence": licence}, regularisation=strength)))
    card = (tmp_path / "run" / "README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(card.split("---\n")[1])
    assert header.keys() == {"library_name", "license", "tags"}  # the backbone is a folder here
    assert header["license"] == licence and header["tags"] == ["information-retrieval", "pyserini"]
    for words in (
        *("| Backbone | `backbone` |", "λq 0.0123, λp 0.0456", "| Learning rate | 0.001 |"),
        *("| Seed | 42 |", "| Objective | 1 × contrastive |", "LoRA of rank 16, alpha 32"),
        "The weights are those of the last step.",
    ):
        assert words in card
