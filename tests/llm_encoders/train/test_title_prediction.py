"""Title prediction: the formula by hand, a whole run against it, and what it cannot learn from."""

import dataclasses
import math

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer

from llm_encoders import EncoderError, UsageError
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.config import EncoderConfig
from llm_encoders.train.losses.title_prediction import title_prediction
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
from llm_encoders.train.titles import title_tokens, token_rows
from tests.llm_encoders.conftest import BACKBONE, write_lines
from tests.llm_encoders.train import formula
from tests.llm_encoders.train.small_run import (
    PASSAGE_LENGTH,
    PASSAGES,
    QUERY_LENGTH,
    RATE,
    RECORDS,
    STEPS,
    objective,
    values,
)

TITLES = {"statins": "Drugs for drugs", "trains": "Railway", "rain": "Weather", "cats": ""}
WEIGHT, TEMPERATURE = 0.3, 0.07


def tokens_of(title):
    tokenizer = AutoTokenizer.from_pretrained(BACKBONE)
    return tokenizer(title, add_special_tokens=False)["input_ids"]


def by_hand(scores, title):
    """Of one passage: -log of the share of every token of the title, their mean."""
    shares = torch.exp(scores) / torch.exp(scores).sum()
    return sum(-torch.log(shares[token]) for token in title) / len(title)


@pytest.mark.parametrize("sparse", [True, False])
def test_the_formula(sparse):
    torch.manual_seed(1)
    rows = None if sparse else torch.randn(7, 3, requires_grad=True)
    vectors = torch.rand(2, 7 if sparse else 3, requires_grad=True)
    titles = [[5, 0, 5], [2]]
    found = title_prediction(vectors, torch.tensor([[5, 0, 5], [2, -1, -1]]), 0.5, rows)
    table = torch.eye(7).double() if rows is None else rows.detach().double()
    wanted = sum(
        by_hand(table @ vector / 0.5, title)
        for vector, title in zip(vectors.detach().double(), titles, strict=True)
    )
    assert float(found.detach()) == pytest.approx(float(wanted / 2), rel=1e-6)
    found.backward()
    assert vectors.grad.norm() > 0 and (rows is None or rows.grad is None)


def test_no_positive_has_a_title():
    vectors = torch.zeros(0, 4, requires_grad=True)
    loss = title_prediction(vectors, torch.zeros((0, 0), dtype=torch.int64), 1.0)
    assert float(loss.detach()) == 0
    loss.backward()


@pytest.mark.parametrize("towers", ["tied", pytest.param("adapters", marks=pytest.mark.whole)])
def test_a_run_is_the_formula(files, tmp_path, towers):
    """The passage is whole in the other losses, and without its title in this one."""
    corpus = [{"_id": n, "title": TITLES.get(n, ""), "text": t} for n, t in PASSAGES.items()]
    recipe = values(
        files,
        tmp_path / "run",
        encoder={"paradigm": "dense", "temperature": TEMPERATURE},
        regularisation={"queries": 0.0, "passages": 0.0},
        data={"corpus": str(write_lines(tmp_path / "corpus.jsonl", corpus))},
    )
    wanted = objective(recipe)
    recipe["objective"] = {**recipe["objective"], "title_prediction": WEIGHT}
    recipe["towers"] = towers
    run(load_recipe(formula.write_recipe(tmp_path / "recipe.yaml", recipe)))
    both = formula.Towers(files / "adapter")
    if towers == "tied":
        both.query = both.passage
        both.trained = both.passage.trained

    def passage(name):
        title = TITLES.get(name)
        return formula.tokens(f"{title} {PASSAGES[name]}" if title else PASSAGES[name], 9)

    batch = formula.marked(
        [
            formula.Query(
                formula.tokens(question, QUERY_LENGTH),
                [positive, *negatives],
                [passage(name) for name in (positive, *negatives)],
                [score, *scores],
            )
            for question, positive, negatives, score, scores in RECORDS
        ]
    )
    titled = [record[1] for record in RECORDS if TITLES.get(record[1])]
    assert len(titled) == 3  # the cats have none
    for number, line in enumerate(formula.logged(tmp_path / "run")):
        alone = [both.dense(formula.tokens(PASSAGES[name], PASSAGE_LENGTH)) for name in titled]
        predicted = sum(
            by_hand(both.passage.head @ vector / TEMPERATURE, tokens_of(TITLES[name]))
            for name, vector in zip(titled, alone, strict=True)
        ) / len(titled)
        loss = wanted.total(wanted.parts(both.dense, batch), 1.0) + WEIGHT * predicted
        rate = RATE * (STEPS - number) / (STEPS - 1) if number else 0.0
        norm = formula.descend(both.trained, loss, rate)
        assert line["title_prediction"] == pytest.approx(float(predicted.detach()), rel=1e-5)
        assert line["loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
        assert line["grad_norm"] == pytest.approx(norm, rel=1e-5)
    before = formula.read_adapter(files / "adapter")
    formula.assert_same_change(before, both.passage.trained, tmp_path / "run")
    assert "0.3 × title prediction" in (tmp_path / "run" / "README.md").read_text()


def test_titles_are_read_as_the_contract_reads_texts():
    tokenizer = AutoTokenizer.from_pretrained(BACKBONE)
    config = EncoderConfig("dense", lowercase=True, strip="both")
    assert title_tokens(tokenizer, config, [" Cats ", ""]) == [tokens_of("cats"), []]


class Untied:
    """A dense model whose LM head is not its embeddings."""

    contract = EncoderConfig("dense")

    def backbone(self):
        config = type("Config", (), {"tie_word_embeddings": False})()
        config.get_text_config = lambda: config
        decoder = type("Decoder", (), {"config": config, "dtype": torch.float32})()
        return type("Backbone", (), {"decoder": decoder, "device": torch.device("cpu")})()


def test_a_head_of_its_own_is_read_from_the_files(tmp_path):
    files = Checkpoint("test", Untied.contract, tmp_path, None)
    with pytest.raises(EncoderError, match="needs an LM head, and no .* holds lm_head.weight"):
        token_rows(Untied(), files)
    head = torch.randn(5, 2)
    save_file({"lm_head.weight": head}, tmp_path / "model-00002-of-00002.safetensors")
    save_file({"other": head}, tmp_path / "model-00001-of-00002.safetensors")
    assert torch.equal(token_rows(Untied(), files)(), head)
    sparse = dataclasses.replace(files.contract, paradigm="sparse")
    model = Untied()
    model.contract = sparse
    assert token_rows(model, files)() is None


def test_passages_without_titles(recipe_file, files):
    recipe = recipe_file(data={"train": str(files / "train.jsonl"), "negatives": 1})
    words = ["objective.title_prediction=0.1", f"data.corpus={files / 'corpus.jsonl'}"]
    with pytest.raises(EncoderError, match=r"needs titles, but no passage of .*corpus.jsonl has"):
        run(load_recipe(recipe, words))


def test_vectors_that_are_no_hidden_states(recipe_file):
    words = ["objective.title_prediction=0.1", "encoder={paradigm: dense, pooling: mean+max}"]
    recipe = recipe_file(regularisation={"queries": 0.0, "passages": 0.0})
    with pytest.raises(UsageError, match="it needs a whole hidden state"):
        load_recipe(recipe, words)
    assert math.isclose(load_recipe(recipe, words[:1]).objective.title_prediction, 0.1)
