"""A training run from recipe to finished encoder, started or resumed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.lock import LOCK_NAME, locked
from llm_encoders.train import assembly, checkpoints, training_state
from llm_encoders.train.card import write_card
from llm_encoders.train.gather import from_first
from llm_encoders.train.output import write_encoder
from llm_encoders.train.publish import publish, require_publishable
from llm_encoders.train.recipe.recipe import Recipe
from llm_encoders.train.run_folder import BUILDING, RunFolder
from llm_encoders.train.stages import STAGES


def run(recipe: Recipe, overwrite: bool = False, push_to_hub: str | None = None) -> None:
    """Train by a recipe; resume where an earlier run of the same recipe stopped.

    A run that is finished is left as it is.

    Args:
        recipe: what to do.
        overwrite: start again where the output folder holds another run, or a finished one.
        push_to_hub: Hub repository to upload the finished encoder to.

    Raises:
        EncoderError: input that cannot be used, before the first step; a collapsed model.
    """
    from transformers import set_seed

    if push_to_hub is not None:
        require_publishable(recipe)
    state = assembly.begin_processes(recipe)
    folder = RunFolder(recipe, overwrite)
    output = folder.path
    if folder.finished:
        folder.require_unchanged()
        if state.is_main_process:
            print(f"{output} is finished already; add --overwrite to start again.")
            if push_to_hub is not None:
                publish(output, folder.published(), push_to_hub)
        return
    set_seed(recipe.schedule.seed)
    with only_run(state, output):
        _train(recipe, state, folder)
    if push_to_hub is not None and state.is_main_process:
        publish(output, folder.published(), push_to_hub)
    state.wait_for_everyone()


@contextmanager
def only_run(state: Any, output: Path) -> Iterator[None]:
    """Refuse a second run in the same folder; the first process holds the lock for all.

    If the run is refused, the folders that were made for it are removed.
    """
    if not state.is_main_process:
        yield
        return
    made = [path for path in (output, *output.parents) if not path.exists()]
    try:
        with locked(output / LOCK_NAME, f"Another run is at work in {output}; wait, or stop it."):
            yield
    finally:
        with suppress(OSError):
            for path in made:
                path.rmdir()  # fails where anything was written


@contextmanager
def memory_cure(chunk_tokens: int | None) -> Iterator[None]:
    """Say, where memory runs out, which key of a recipe takes less of it."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise EncoderError(
            f"Out of memory: {str(error).splitlines()[0]} Lower schedule.chunk_tokens "
            f"({chunk_tokens}); it changes neither loss nor gradients."
        ) from None


def _train(recipe: Recipe, state: Any, folder: RunFolder) -> None:
    with memory_cure(recipe.schedule.chunk_tokens):
        trainer = STAGES[recipe.stage].build(recipe, state, folder.data)
        if recipe.saving.merged and recipe.adapted and trainer.sharded:
            raise UsageError(
                "saving.merged does not work with sharded weights (FSDP, DeepSpeed); leave it out, "
                "and the adapter is written."
            )
        begun = folder.begin() if state.is_main_process else None
        resume = from_first(None if begun is None else str(begun), trainer.args.device)
        if resume is not None:
            trainer.args.eval_on_start = False
            if state.is_main_process:
                print(f"Resuming from {resume}.")
        trainer.train(resume_from_checkpoint=resume)
    best = trainer.best_checkpoint()
    if best is not None:
        checkpoints.require_whole(best)
        training_state.load_weights(trainer.trained, best)
    tensors = trainer.gathered_weights()
    if state.is_main_process:
        _finish(trainer, recipe, folder, tensors)


def _finish(
    trainer: Any, recipe: Recipe, folder: RunFolder, tensors: dict[str, torch.Tensor] | None
) -> None:
    """Write what was trained; its cost is written last and marks the run as finished."""
    folder.require_own()
    output = folder.path
    building = output / BUILDING
    shutil.rmtree(building, ignore_errors=True)
    write_encoder(
        trainer.trained, recipe, building, tensors, merged=recipe.saving.merged, home=output
    )
    cost = trainer.cost()
    scores = trainer.scores()
    write_card(recipe, building, output, cost, scores, trainer.published_step())
    folder.complete(cost, trainer.state.log_history)
