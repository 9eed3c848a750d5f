"""A training run from recipe to finished encoder, begun or gone on with."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import yaml

from llm_encoders.config import CONFIG_NAME
from llm_encoders.errors import UsageError
from llm_encoders.train import assembly, checkpoints, stages
from llm_encoders.train.base_trainer import load_weights
from llm_encoders.train.output import write_card, write_encoder
from llm_encoders.train.recipe import Recipe

_RECIPE, _SPENT = "recipe.yaml", "spent.json"


def run(recipe: Recipe, overwrite: bool = False, push_to_hub: str | None = None) -> None:
    """Train by a recipe; go on where an earlier run of the same recipe stopped.

    Args:
        recipe: what to do.
        overwrite: begin anew where the output folder holds another run, or a finished one.
        push_to_hub: Hub repository to upload the finished encoder to.

    Raises:
        EncoderError: input that cannot be used, before the first step; a collapsed model.
    """
    from accelerate import PartialState
    from transformers import set_seed

    output = Path(recipe.output)
    state = PartialState(cpu=assembly.device_of(recipe).type == "cpu")
    with state.main_process_first():
        _claim(recipe, output, overwrite and state.is_main_process)
    set_seed(recipe.schedule.seed)
    stage = stages.mntp if recipe.stage == "mntp" else stages.fine_tuning
    trainer = stage(recipe, state, output / "data")
    with state.main_process_first():
        resume = checkpoints.last_whole(output)
    if resume is not None and state.is_main_process:
        print(f"Going on from {resume}.")
    begun = time.monotonic()
    trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
    best = trainer.best_checkpoint()
    if best is not None:
        load_weights(trainer.trained, best)
    if state.is_main_process:
        _finish(trainer, recipe, output, time.monotonic() - begun)
        if push_to_hub is not None:
            _push(output, push_to_hub)
    state.wait_for_everyone()


def _claim(recipe: Recipe, output: Path, overwrite: bool) -> None:
    """Make sure that the output folder is empty or holds this very run."""
    if overwrite and (output / _RECIPE).is_file():
        shutil.rmtree(output)
    if (output / _RECIPE).is_file():
        known = yaml.safe_load((output / _RECIPE).read_text(encoding="utf-8"))
        differing = _differences(known, yaml.safe_load(recipe.to_yaml()))
        if differing:
            raise UsageError(
                f"{output} holds a run of another recipe; it differs in {', '.join(differing)}. "
                "Name another output, or add --overwrite to begin anew."
            )
        if (output / _SPENT).is_file():
            raise UsageError(
                f"{output} holds what this recipe makes, finished; add --overwrite to train anew."
            )
    elif output.exists() and any(output.iterdir()):
        raise UsageError(f"{output} holds other files; name an empty folder.")
    output.mkdir(parents=True, exist_ok=True)
    (output / _RECIPE).write_text(recipe.to_yaml(), encoding="utf-8")


def _differences(one: Any, other: Any, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        found = []
        for key in sorted(one.keys() | other.keys()):
            found += _differences(one.get(key), other.get(key), f"{path}.{key}" if path else key)
        return found
    return [] if one == other else [path]


def _finish(trainer: Any, recipe: Recipe, output: Path, seconds: float) -> None:
    """Write what was trained; the figures of what was spent come last, as the sign of the end."""
    building = output / "finished"
    shutil.rmtree(building, ignore_errors=True)
    write_encoder(trainer.trained, recipe, building, merged=recipe.saving.merged, home=output)
    spent = {
        "steps": trainer.state.global_step,
        "tokens": trainer.state.num_input_tokens_seen,
        "flops": trainer.state.total_flos,
        "seconds": seconds,
    }
    write_card(recipe, building, output, spent, trainer.scores())
    with (building / "log.jsonl").open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in trainer.state.log_history)
    (building / _SPENT).write_text(json.dumps(spent, indent=2) + "\n", encoding="utf-8")
    for path in sorted(building.iterdir(), key=lambda path: path.name in (CONFIG_NAME, _SPENT)):
        path.replace(output / path.name)
    building.rmdir()
    print(
        f"{output}: {spent['steps']:,} steps, {spent['tokens']:,} tokens, "
        f"{spent['flops']:.3g} floating-point operations, {seconds:,.0f} seconds."
    )


def _push(output: Path, repository: str) -> None:
    """Upload what was trained, without checkpoints and data."""
    from huggingface_hub import HfApi

    api = HfApi()
    api.create_repo(repository, exist_ok=True)
    api.upload_folder(
        repo_id=repository,
        folder_path=output,
        ignore_patterns=["checkpoint-*/*", "data/*", "*.tmp"],
    )
    print(f"Published as {repository}.")
