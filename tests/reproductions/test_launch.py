"""The ready configurations of Accelerate: read by Accelerate itself, and launched on the CPU."""

import subprocess
import sys
from pathlib import Path

import pytest

from llm_encoders.train.assembly import training_arguments
from llm_encoders.train.recipe.file import load_recipe
from tests.llm_encoders.conftest import beir, recipe_file, scored  # noqa: F401

FOLDER = Path(__file__).parents[2] / "reproductions" / "launch"


@pytest.mark.parametrize("name", ["accelerate-ddp.yaml", "accelerate-fsdp.yaml"])
def test_accelerate_reads_it(name):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(FOLDER / name))
    assert config.num_processes == 4 and str(config.mixed_precision) == "bf16"


@pytest.mark.slow
@pytest.mark.whole
def test_launched_by_accelerate(recipe_file, tmp_path):  # noqa: F811
    """Two processes on the CPU, as the recipe says, in place of four on GPUs."""
    words = ["-m", "accelerate.commands.launch"]
    words += ["--config_file", str(FOLDER / "accelerate-ddp.yaml"), "--num_processes", "2"]
    words += ["--main_process_port", "0"]
    words += ["-m", "llm_encoders.train", str(recipe_file())]
    result = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert (tmp_path / "run" / "cost.json").is_file()
    states = (tmp_path / "run" / "checkpoint-3").glob("random-*.safetensors")
    assert sorted(path.name for path in states) == ["random-0.safetensors", "random-1.safetensors"]


def test_a_recipe_in_float32_stays_so(recipe_file, monkeypatch):  # noqa: F811
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")  # as the launcher sets it
    recipe = load_recipe(recipe_file())
    assert training_arguments(recipe, 3).mixed_precision == "no"
    recipe = load_recipe(recipe_file(), ["dtype=bfloat16"])
    assert training_arguments(recipe, 3).mixed_precision == "bf16"
