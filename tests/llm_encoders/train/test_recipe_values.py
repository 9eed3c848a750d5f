"""Values that no run can have: refused where they are read, at once, with the line of their key."""

import re
import time

import pytest
import yaml

from llm_encoders.config import EncoderConfig
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.train.recipe.file import load_recipe


def line_of(path, key, section=None):
    lines = path.read_text(encoding="utf-8").splitlines()
    first = lines.index(f"{section}:") if section else 0
    return next(
        number
        for number, text in enumerate(lines[first:], start=first + 1)
        if text.strip().startswith(f"{key}:")
    )


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("schedule", "queries", int("9" * 30), "from 1 to 1,000,000"),
        ("schedule", "steps", 2**63, "from 1 to 2,147,483,647"),
        ("schedule", "accumulation", int("9" * 30), "from 1 to 1,000,000"),
        ("schedule", "seed", 2**32, "from 0 to 4,294,967,295"),
        ("schedule", "seed", -1, "from 0 to 4,294,967,295"),
        ("schedule", "learning_rate", float("nan"), "is nan; give a finite number above 0"),
        ("schedule", "learning_rate", float("inf"), "is inf; give a finite number above 0"),
        ("schedule", "learning_rate", "1e400", "is inf; give a finite number above 0"),
        ("schedule", "learning_rate", int("9" * 400), "expected a number"),
        ("schedule", "learning_rate", True, "expected a number"),
        ("schedule", "warmup", "nan", "is nan; give a finite number from 0 to 1"),
        ("objective", "contrastive", float("inf"), "is inf; give a finite number of at least 0"),
        ("regularisation", "queries", float("nan"), "is nan; give a finite number of at least 0"),
        ("adapter", "dropout", 1.0, "give a finite number of at least 0 and below 1"),
        ("adapter", "alpha", 10**12, "from 1 to 2,147,483,647"),
        ("data", "negatives", 10**10, "from 0 to 1,000,000"),
        ("data", "train", "", "data.train is empty"),
        ("data", "train", "a\0b", "holds a NUL byte"),
        ("data", "corpus", "a\ud800", "half a character"),
        ("evaluation", "collections", [""], "evaluation.collections is empty"),
        ("saving", "merged", "yes", "expected true or false"),
        ("trainer", "weight_decay", -1, "give a finite number of at least 0"),
        ("trainer", "weight_decay", float("nan"), "give a finite number of at least 0"),
        ("trainer", "max_grad_norm", "much", "expected a number"),
        ("trainer", "adam_beta1", 1.0, "of at least 0 and below 1"),
        ("trainer", "dataloader_num_workers", -3, "from 0 to 1,024"),
        ("trainer", "dataloader_num_workers", 2.5, "expected a whole number"),
        ("trainer", "logging_steps", 0, "above 0"),
        ("trainer", "activation_checkpointing", "no", "expected true or false"),
        ("trainer", "fsdp_config", {"x": float("inf")}, "holds something other than"),
        ("encoder", "query_max_length", 0, "query_max_length is 0; give"),
        ("encoder", "pooling", "maximum", "choose one of"),
        ("encoder", "temperature", "warm", "expected"),
        ("encoder", "temperatur", 1.0, "Did you mean 'temperature'"),
    ],
)
def test_the_line_of_a_value(recipe_file, section, key, value, message):
    path = recipe_file(**{section: {key: value}})
    begun = time.monotonic()
    with pytest.raises(UsageError, match=f"line {line_of(path, key, section)}: .*{message}"):
        load_recipe(path)
    assert time.monotonic() - begun < 60  # refused, not tried


@pytest.mark.parametrize(
    ("output", "message"),
    [("", "the path is empty"), ("/", "root of the file system"), ("a\0b", "NUL byte")],
)
def test_an_output_that_nothing_can_be_written_to(recipe_file, output, message):
    path = recipe_file(output=output)
    with pytest.raises(UsageError, match=f"line {line_of(path, 'output')}: .*output.*{message}"):
        load_recipe(path)


def test_a_key_that_occurs_twice(recipe_file):
    path = recipe_file()
    path.write_text(path.read_text() + "schedule: {steps: 5}\n", encoding="utf-8")
    number = len(path.read_text().splitlines())
    first = line_of(path, "schedule")
    with pytest.raises(EncoderError, match=rf"line {number}: .*'schedule' stands on line {first}"):
        load_recipe(path)
    with pytest.raises(UsageError, match="'steps' stands on line 1 as well"):
        load_recipe(recipe_file(), ["schedule={steps: 1, steps: 2}"])


def test_a_recipe_that_is_not_utf8(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_bytes(b"backbone: x\noutput: caf\xe9\n")
    with pytest.raises(EncoderError, match="recipe.yaml, line 2: byte 24 of the file is not UTF-8"):
        load_recipe(path)


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 9999])
def test_overrides_that_no_parser_takes(recipe_file, value):
    with pytest.raises(UsageError, match="what follows '=' is"):
        load_recipe(recipe_file(), [f"schedule.steps={value}"])


def test_aliases_that_explode(tmp_path, recipe_file):
    """Ten lists of ten of the list before: ten thousand million texts, if they were written."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for n in range(1, 10):
        lines.append(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]")
    path = tmp_path / "recipe.yaml"
    text = "\n".join(lines)
    path.write_text(f"evaluation:\n  collections:\n    - {{q: 1}}\n{text}\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_recipe(path)
    assert len(str(caught.value)) < 1000
    path.write_text(f"data: {{train: &x [*x]}}\n{text}\nbackbone: *a9\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_recipe(path)
    assert len(str(caught.value)) < 1000


def test_every_key_of_the_contract_is_blamed_by_itself(recipe_file):
    """The error carries its key: a message that names several keys does not confuse the line."""
    path = recipe_file(encoder={"pooling": "eos", "append_eos": True, "pool_eos": False})
    line = line_of(path, "pooling")
    with pytest.raises(UsageError, match=f"line {line}: .*needs append_eos and pool_eos"):
        load_recipe(path)


def test_the_temperature_follows_the_paradigm(recipe_file, tmp_path):
    strength = {"queries": 0.0, "passages": 0.0}
    dense = load_recipe(recipe_file(encoder={"paradigm": "dense"}, regularisation=strength))
    assert dense.encoder.temperature == 0.01
    assert load_recipe(recipe_file()).encoder.temperature == 1.0
    dense.encoder.save(tmp_path)
    assert EncoderConfig.load(tmp_path).temperature == 0.01
    for paradigm in ("sparse", "dense"):
        EncoderConfig(paradigm, temperature=0.3).save(tmp_path)
        assert EncoderConfig.load(tmp_path).temperature == 0.3


def test_numbers_that_yaml_reads_as_texts(recipe_file):
    path = recipe_file(trainer={"adam_epsilon": "1e-8"}, schedule={"learning_rate": "2e-4"})
    assert re.search(r"'?1e-8'?", path.read_text())
    recipe = load_recipe(path)
    assert recipe.schedule.learning_rate == 2e-4
    assert yaml.safe_load(recipe.to_yaml())["schedule"]["learning_rate"] == 2e-4


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Instruct ", "Instruct "),
        ("query: ", "query: "),
        ("[Q] ", "[Q] "),
        ("{a}", "{a}"),
        ("# 1", "# 1"),
        (" x", " x"),
        ("012", "012"),
        ("true", "true"),
        ("", ""),
        ('"query: "', "query: "),
        (r'"a\n"', "a\n"),
        ("'it''s '", "it's "),
    ],
)
def test_an_override_of_a_text_is_taken_as_it_is(recipe_file, value, text):
    recipe = load_recipe(recipe_file(), [f"encoder.query_prefix={value}", f"card.licence={value}"])
    assert (recipe.encoder.query_prefix, recipe.card.licence) == (text, text)
    (written := recipe_file(encoder={"query_prefix": text}, card={"licence": text})).touch()
    assert load_recipe(written) == recipe


@pytest.mark.parametrize("word", ["null", "~", "Null", " null "])
def test_overrides_of_texts_that_may_be_missing(recipe_file, word):
    assert load_recipe(recipe_file(), [f"device={word}"]).device is None
    assert load_recipe(recipe_file(), ["device=", "dtype="]).device is None
    with pytest.raises(UsageError, match="'data.train' is None; expected a text"):
        load_recipe(recipe_file(), [f"data.train={word}"])
    with pytest.raises(UsageError, match="what follows '=' is not valid YAML"):
        load_recipe(recipe_file(), ["encoder.query_prefix='it"])


@pytest.mark.parametrize("line", ["query_prefix: Instruct ", "passage_prefix:  a b\t"])
def test_a_space_that_yaml_takes_away(recipe_file, line):
    path = recipe_file()
    text = path.read_text()
    number = line_of(path, "encoder") + 1
    path.write_text(text.replace("encoder:\n", f"encoder:\n  {line}\n"), encoding="utf-8")
    with pytest.raises(UsageError, match=f"line {number}: YAML takes away the space .* quotes"):
        load_recipe(path)
    key, _, value = line.partition(": ")
    for kept in (f"{key}: '{value}'", f"{key}: {value.strip()}", f'{key}: "{value}" # b '):
        path.write_text(text.replace("encoder:\n", f"encoder:\n  {kept}\n"), encoding="utf-8")
        assert getattr(load_recipe(path).encoder, key).strip() == value.strip()
    path.write_text(text.replace("encoder:\n", "encoder:\n  query_prefix: query: x\n"))
    with pytest.raises(EncoderError, match=f"line {number}: .*a text that holds a colon in quotes"):
        load_recipe(path)


@pytest.mark.parametrize(
    "text", ["steps: 010", "seed: 012", "steps: 1:30", "learning_rate: 1:30.5"]
)
def test_numbers_that_are_not_what_they_look_like(recipe_file, text):
    """YAML 1.1 takes them for 8, 10, 90 and 90.5."""
    key, _, value = text.partition(": ")
    with pytest.raises(UsageError, match=f"'{value}' is a number in base 8 or 60 .* in base 10"):
        load_recipe(recipe_file(), [f"schedule.{key}={value}"])
    path = recipe_file(schedule={key: "HERE"})
    path.write_text(path.read_text().replace("HERE", value), encoding="utf-8")
    with pytest.raises(EncoderError, match=f"line {line_of(path, key)}: .*'{value}' is a number"):
        load_recipe(path)


def test_the_home_folder_in_paths(recipe_file, monkeypatch, tmp_path):
    """As the same paths written out."""
    monkeypatch.setenv("HOME", str(tmp_path))
    paths = {
        "output": "enc",
        "backbone": "model",
        "data.train": "train.jsonl",
        "data.corpus": "corpus.jsonl",
    }
    collections = "evaluation.collections=[{0}/a, {0}/b]"
    homes = [
        [*(f"{key}={home}/{name}" for key, name in paths.items()), collections.format(home)]
        for home in ("~", tmp_path)
    ]
    assert load_recipe(recipe_file(), homes[0]) == load_recipe(recipe_file(), homes[1])
    started = load_recipe(recipe_file(adapter=None), ["start_from=~/before"])
    assert started.start_from == f"{tmp_path}/before"
    assert load_recipe(recipe_file(), ["data.train=~x/y"]).data.train == "~x/y"
