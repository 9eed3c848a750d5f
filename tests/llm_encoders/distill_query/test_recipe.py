"""What a recipe must not say: a sentence each, with file and line."""

import pytest

from llm_encoders import UsageError
from llm_encoders.distill_query.recipe.recipe import DistillRecipe
from llm_encoders.train.recipe.file import read_recipe
from llm_encoders.train.recipe.help import list_keys

BASE = """teacher: llm-dense-tiny
output: out
student: {kind: layers, layers: 2}
queries: {source: q.jsonl}
losses: {mse: 1, cosine: 1}
schedule: {steps: 2}
"""
TABLE = BASE.replace("{kind: layers, layers: 2}", "{kind: lookup}")


def load(tmp_path, text, *overrides):
    path = tmp_path / "r.yaml"
    path.write_text(text, encoding="utf-8")
    return read_recipe(DistillRecipe, path, overrides)


def test_defaults_and_overrides(tmp_path):
    recipe = load(tmp_path, BASE, "losses.mse=3", "teacher=a b", "encoder.query_max_length=9")
    assert recipe.losses.chosen == {"mse": 3.0, "cosine": 1.0}
    assert recipe.teacher == "a b" and recipe.encoder == {"query_max_length": 9}
    assert recipe.held_out == 0.05 and recipe.trains
    again = load(tmp_path, recipe.to_yaml())
    assert again == recipe


def test_help_lists_every_key_with_its_meaning():
    text = list_keys(DistillRecipe)
    for words in ("log_mse (0)", "least_words (3)", "held_out (0.05)", "One of idf, teacher"):
        assert words in text


@pytest.mark.parametrize(
    ("text", "override", "line", "words"),
    [
        (BASE, "student.kindd=lookup", None, "Did you mean 'kind'?"),
        (BASE, "student.kind=table", None, "choose one of transformer, layers, lookup"),
        (BASE.replace("kind: layers,", "kind: lookup,"), None, 3, "student.layers is for the kind"),
        (BASE.replace("layers: 2}", "backbone: x}"), None, 3, "student.backbone is for the kind"),
        (
            TABLE.replace("lookup}", "lookup, adapter: {rank: 2}}"),
            None,
            3,
            "student.adapter is for",
        ),
        (BASE.replace("layers: 2}", "layers: 2, size: {}}"), None, 3, "student.size is for"),
        (BASE.replace(", layers: 2}", "}"), None, 3, "student.layers is missing"),
        (TABLE.replace("lookup", "transformer"), None, 3, "give exactly one"),
        (TABLE.replace("lookup", "lookup, initial: idf"), None, 3, "belong together"),
        (
            TABLE.replace("lookup", "transformer, size: {hidden: 9, heads: 2}"),
            None,
            3,
            "does not divide",
        ),
        (BASE.replace("losses:", "loss:"), None, 5, "unknown key 'loss'. Did you mean 'losses'?"),
        (BASE.replace("{mse: 1, cosine: 1}", "{}"), None, 5, "losses has no loss"),
        (BASE.replace("mse: 1,", "margin_mse: 1,"), None, 5, "name the file that lists them"),
        (BASE + "candidates: {source: x}\n", None, 7, "candidates are for margin_mse"),
        (BASE.replace("{steps: 2}", "{steps: 2, epochs: 1}"), None, 6, "there are both"),
        (BASE.replace("{steps: 2}", "{steps: 0}"), None, 6, "only a lookup table"),
        (BASE.replace("queries: {source: q.jsonl}\n", ""), None, None, "queries.source is missing"),
        (BASE.replace("q.jsonl}", "q.jsonl, crops: 2}"), None, 4, "for 'kind: crops'"),
        (
            BASE.replace("q.jsonl}", "q, kind: crops, least_words: 9, most_words: 2}"),
            None,
            4,
            "is above",
        ),
        (BASE.replace("q.jsonl}", "q, kind: titles, split: dev}"), None, 4, "chooses queries"),
        (BASE + "encoder: {dimension: 4}\n", None, 7, "follows from 'teacher'"),
        (BASE + "encoder: {pooling: middle}\n", None, 7, "choose one of mean-of-normalised"),
        (BASE + "held_out: 1\n", None, 7, "held_out is 1"),
        (BASE + "trainer: {max_steps: 4}\n", None, 7, "is set by 'schedule.steps'"),
        (BASE + "schedule: {}\n", None, 7, "stands on line 6"),
    ],
)
def test_faults(tmp_path, text, override, line, words):
    with pytest.raises(Exception) as caught:
        load(tmp_path, text, *([override] if override else []))
    message = str(caught.value)
    assert words in message and isinstance(caught.value, Exception)
    assert str(tmp_path / "r.yaml") in message
    if line is not None:
        assert f"r.yaml, line {line}" in message


def test_a_list_is_no_recipe(tmp_path):
    with pytest.raises(UsageError, match="expected keys and values"):
        load(tmp_path, "- teacher\n")
