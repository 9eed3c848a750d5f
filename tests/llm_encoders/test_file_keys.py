"""Keys that say which files of a checkpoint encode: never an option, nor fetched in part."""

import dataclasses

import pytest

from llm_encoders import EncoderConfig, UsageError, load_encoder, registry
from llm_encoders.checkpoints import hub as hub_room
from llm_encoders.checkpoints.contract_options import overridden
from llm_encoders.config import FILE_KEYS
from llm_encoders.spec import parse_spec
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.recipe.help import list_keys
from tests.llm_encoders.towers import CONTRACTS, TEXTS, write_decoder, write_student, write_towers

VALUES = {
    "query_encoder": "query",
    "passage_encoder": "teacher",
    "vocabulary_head": "head",
    "lookup_counts": True,
}


@pytest.mark.parametrize("key", FILE_KEYS)
def test_no_option_changes_them(key, recipe_file):
    written = str(VALUES[key]).lower()
    _, options = parse_spec(f"x,{key}={written}")
    with pytest.raises(UsageError, match=f"x: '{key}' says which files of a checkpoint encode"):
        overridden(CONTRACTS["sparse"], options, "x")
    text = "name: x\ndescription: x\nlicence: x\ncitation: x\ncontract:\n  paradigm: sparse\n"
    with pytest.raises(UsageError, match=f"x.yaml: contract: '{key}' says which files .* into the"):
        registry.read_preset(f"{text}  {key}: {written}\n", "x.yaml")
    path = recipe_file(encoder={key: VALUES[key]})
    with pytest.raises(UsageError, match=f"yaml, line [0-9]+: encoder\\.?{key}|encoder: .*{key}"):
        load_recipe(path)
    assert key not in list_keys()
    with pytest.raises(UsageError, match="unknown option 'what'") as caught:
        parse_spec("x,what=1")
    assert key not in str(caught.value)


def test_recipes_that_runs_write_have_their_defaults(recipe_file, tmp_path):
    recipe = load_recipe(recipe_file())
    (tmp_path / "written.yaml").write_text(recipe.to_yaml())
    assert "query_encoder: model" in recipe.to_yaml()
    assert load_recipe(tmp_path / "written.yaml") == recipe


def test_folders_of_a_repository_are_fetched(hub):
    passages = write_decoder(hub / "org" / "passages", CONTRACTS["dense"])
    write_student(hub / "org" / "student", passages, seed=4)
    write_towers(hub / "org" / "both", passages, hub / "org" / "student")
    both = load_encoder("org/both", device="cpu")
    student = load_encoder("org/student", device="cpu")
    assert (both.encode_queries(TEXTS) == student.encode_queries(TEXTS)).all()
    assert both.files.query.name == str(both.files.folder / "query")


def test_weights_that_a_contract_names(tmp_path):
    dense = EncoderConfig("dense", projections=("projection",), query_encoder="towers/query")
    dense.save(tmp_path)
    folders = ["projection", "towers/query"]
    found = hub_room._weights_elsewhere(tmp_path)
    assert {f"{one}/*.safetensors" for one in folders} <= set(found)
    graph = EncoderConfig("dense", query_encoder="onnx", passage_encoder="teacher")
    graph.save(tmp_path)
    assert "*.onnx" in hub_room._weights_elsewhere(tmp_path)
    dataclasses.replace(CONTRACTS["sparse"], vocabulary_head="head").save(tmp_path)
    assert "head/*.safetensors" in hub_room._weights_elsewhere(tmp_path)
    (tmp_path / "encoder_config.json").write_text("{")
    assert "head/*.safetensors" not in hub_room._weights_elsewhere(tmp_path)
