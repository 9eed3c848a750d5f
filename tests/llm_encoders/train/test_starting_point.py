"""An adapter is taken for the backbone that it was made for, and for no other of the same shape."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from llm_encoders import EncoderError
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
from llm_encoders.train.starting_point import training_checkpoint
from tests.llm_encoders.conftest import BACKBONE


@pytest.fixture
def adapter(recipe_file, tmp_path):
    run(load_recipe(recipe_file(), ["schedule.steps=1", f"output={tmp_path / 'adapter'}"]))
    return tmp_path / "adapter"


def going_on(recipe_file, adapter, backbone):
    words = [f"start_from={adapter}", "adapter=null", f"backbone={backbone}"]
    return load_recipe(recipe_file(), words)


def test_another_backbone_of_the_same_shape(recipe_file, adapter, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(BACKBONE, other)
    assert training_checkpoint(going_on(recipe_file, adapter, other)).backbone == other
    (weights,) = other.glob("*.safetensors")
    tensors = load_file(weights)
    save_file({name: value + 1 for name, value in tensors.items()}, weights, {"format": "pt"})
    place = "adapter_config.json, line [0-9]+: this adapter was made for the backbone"
    with pytest.raises(EncoderError, match=f"{place} '.*backbone', and the recipe names '.*other'"):
        run(going_on(recipe_file, adapter, other))
    assert not (tmp_path / "run").exists()


def test_names_are_compared_where_there_are_no_files(recipe_file, adapter, monkeypatch, capsys):
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "some-lab/llama-base"
    (adapter / "adapter_config.json").write_text(json.dumps(config, indent=2))
    assert training_checkpoint(going_on(recipe_file, adapter, BACKBONE)).adapter == adapter
    said = capsys.readouterr().err
    assert "made for the backbone 'some-lab/llama-base', which is not on this machine" in said
    monkeypatch.setattr("llm_encoders.checkpoints.hub.fetch", lambda *_: BACKBONE)
    assert training_checkpoint(going_on(recipe_file, adapter, "some-lab/llama-base"))
    with pytest.raises(EncoderError, match="made for the backbone 'some-lab/llama-base'"):
        training_checkpoint(going_on(recipe_file, adapter, "some-lab/llama-instruct"))


def test_what_a_run_begins_with_does_not_lie_in_its_output(recipe_file, adapter):
    for name in (adapter, adapter / "checkpoint-1"):
        words = ["adapter=null", f"start_from={name}", f"output={adapter}"]
        with pytest.raises(EncoderError, match="The output .* (is an|has the) input"):
            run(load_recipe(recipe_file(), words), overwrite=True)
    assert (adapter / "adapter_model.safetensors").exists()
