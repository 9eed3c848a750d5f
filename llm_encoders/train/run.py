"""A training run from recipe to finished encoder, begun or gone on with."""

import json
import shutil
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
import yaml

from llm_encoders.config import CONFIG_NAME
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.locking import LOCK_NAME, locked
from llm_encoders.train import assembly, checkpoints, stages
from llm_encoders.train.base_trainer import load_weights
from llm_encoders.train.output import write_card, write_encoder
from llm_encoders.train.recipe import Recipe

_RUN, _SPENT, _DATA = "run.yaml", "spent.json", "data"


def run(recipe: Recipe, overwrite: bool = False, push_to_hub: str | None = None) -> None:
    """Train by a recipe; go on where an earlier run of the same recipe stopped.

    Args:
        recipe: what to do.
        overwrite: begin anew where the output folder holds another run, or a finished one.
        push_to_hub: Hub repository to upload the finished encoder to.

    Raises:
        EncoderError: input that cannot be used, before the first step; a collapsed model.
    """
    from transformers import set_seed

    output = Path(recipe.output)
    state = assembly.begin_processes(recipe)
    if not overwrite and _is_finished(recipe, output):
        if push_to_hub is None:
            raise UsageError(
                f"{output} holds what this recipe makes, finished; add --overwrite to train anew."
            )
        if state.is_main_process:
            _push(output, push_to_hub)
        return
    set_seed(recipe.schedule.seed)
    with _only_run(state, output):
        _train(recipe, state, output, overwrite)
    if push_to_hub is not None and state.is_main_process:
        _push(output, push_to_hub)
    state.wait_for_everyone()


def _only_run(state: Any, output: Path) -> AbstractContextManager[None]:
    """Refuse a second run in the same folder; the first process speaks for all of its run."""
    if not state.is_main_process:
        return nullcontext()
    return locked(output / LOCK_NAME, f"Another run is going on in {output}; wait, or stop it.")


def _train(recipe: Recipe, state: Any, output: Path, overwrite: bool) -> None:
    try:
        trainer = stages.STAGES[recipe.stage](recipe, state, output / _DATA)
        with state.main_process_first():
            if state.is_main_process:
                _claim(recipe, output, overwrite)
            resume = checkpoints.last_whole(output)
        if resume is not None:
            trainer.args.eval_on_start = False
            if state.is_main_process:
                print(f"Going on from {resume}.")
        trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
    except torch.OutOfMemoryError as error:
        raise EncoderError(
            f"Out of memory: {str(error).splitlines()[0]} Lower schedule.chunk_tokens "
            f"({recipe.schedule.chunk_tokens}); it changes neither loss nor gradients."
        ) from None
    best = trainer.best_checkpoint()
    if best is not None:
        load_weights(trainer.trained, best)
    tensors = trainer.gathered_weights()
    if state.is_main_process:
        _finish(trainer, recipe, output, tensors)


def _is_finished(recipe: Recipe, output: Path) -> bool:
    """Whether the output folder holds this very run, finished.

    Raises:
        UsageError: it holds something else.
    """
    if (output / _RUN).is_file():
        known = yaml.safe_load((output / _RUN).read_text(encoding="utf-8"))
        differing = _differences(known, yaml.safe_load(recipe.to_yaml()))
        if differing:
            raise UsageError(
                f"{output} holds a run of another recipe; it differs in {', '.join(differing)}. "
                "Name another output, or add --overwrite to begin anew."
            )
        return (output / _SPENT).is_file()
    known = {_DATA, f"{_DATA}.tmp", LOCK_NAME}
    if output.exists() and {path.name for path in output.iterdir()} - known:
        raise UsageError(f"{output} holds other files; name an empty folder.")
    return False


def _claim(recipe: Recipe, output: Path, overwrite: bool) -> None:
    """Write down whose folder it is; everything of a run that is overwritten goes now."""
    if overwrite and (output / _RUN).is_file():
        for path in output.iterdir():
            if path.is_dir() and path.name != _DATA:
                shutil.rmtree(path)
            elif path.is_file() and path.name != LOCK_NAME:
                path.unlink()
    (output / _RUN).write_text(recipe.to_yaml(), encoding="utf-8")


def _differences(one: Any, other: Any, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        found = []
        for key in sorted(one.keys() | other.keys()):
            found += _differences(one.get(key), other.get(key), f"{path}.{key}" if path else key)
        return found
    return [] if one == other else [path]


def _finish(
    trainer: Any, recipe: Recipe, output: Path, tensors: dict[str, torch.Tensor] | None
) -> None:
    """Write what was trained; the figures of what was spent come last, as the sign of the end."""
    building = output / "finished"
    shutil.rmtree(building, ignore_errors=True)
    write_encoder(
        trainer.trained, recipe, building, tensors, merged=recipe.saving.merged, home=output
    )
    spent = {
        "steps": trainer.state.global_step,
        "tokens": trainer.state.num_input_tokens_seen,
        "flops": trainer.state.total_flos,
        "seconds": trainer.seconds(),
    }
    write_card(recipe, building, output, spent, trainer.scores())
    with (building / "log.jsonl").open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in trainer.state.log_history)
    (building / _SPENT).write_text(json.dumps(spent, indent=2) + "\n", encoding="utf-8")
    last = (CONFIG_NAME, _SPENT)
    for path in sorted(building.iterdir(), key=lambda path: (path.name in last, path.name)):
        path.replace(output / path.name)
    building.rmdir()
    print(
        f"{output}: {spent['steps']:,} steps, {spent['tokens']:,} tokens, "
        f"{spent['flops']:.3g} floating-point operations, {spent['seconds']:,.0f} seconds."
    )


def _push(output: Path, repository: str) -> None:
    """Upload what was trained, without checkpoints and data."""
    from huggingface_hub import HfApi

    api = HfApi()
    api.create_repo(repository, exist_ok=True)
    api.upload_folder(
        repo_id=repository,
        folder_path=output,
        ignore_patterns=["checkpoint-*/*", f"{_DATA}/*", _RUN, "*.tmp", LOCK_NAME],
    )
    print(f"Published as {repository}.")
