"""A distillation from recipe to finished student, started or resumed."""

import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from transformers import set_seed

from llm_encoders.distill_query.batches import QueryBatches, held_out_rows
from llm_encoders.distill_query.card import public_name, write_card
from llm_encoders.distill_query.inputs import note_inputs
from llm_encoders.distill_query.losses import LOSSES
from llm_encoders.distill_query.objective import OBJECTIVE
from llm_encoders.distill_query.preparation import Prepared, prepare_all
from llm_encoders.distill_query.recipe.checks import check_paradigm
from llm_encoders.distill_query.recipe.recipe import DistillRecipe
from llm_encoders.distill_query.run_folder import DistillFolder
from llm_encoders.distill_query.students import STUDENTS, Student
from llm_encoders.distill_query.teacher_side import TeacherSide
from llm_encoders.distill_query.trainer import DistillationTrainer
from llm_encoders.jobs.arguments import LARGEST
from llm_encoders.train import assembly, checkpoints
from llm_encoders.train.gather import from_first
from llm_encoders.train.output import environment
from llm_encoders.train.recipe.errors import RecipeError
from llm_encoders.train.run import memory_cure, only_run
from llm_encoders.train.run_folder import BUILDING


def run(recipe: DistillRecipe, overwrite: bool = False) -> None:
    """Distil by a recipe; resume where an earlier run of the same recipe stopped.

    A run that is finished is left as it is.

    Args:
        recipe: what to do.
        overwrite: start again where the output folder holds another run, or a finished one.

    Raises:
        EncoderError: input that cannot be used, before the first step; a collapsed student.
    """
    state = assembly.begin_processes(recipe)
    folder = DistillFolder(recipe, overwrite)
    if folder.finished:
        folder.require_unchanged()
        if state.is_main_process:
            print(f"{folder.path} is finished already; add --overwrite to start again.")
        return
    set_seed(recipe.schedule.seed)
    with only_run(state, folder.path):
        teacher = TeacherSide(recipe.teacher, recipe.device)
        check_paradigm(recipe, teacher.paradigm)
        with memory_cure(recipe.schedule.chunk_tokens):
            if recipe.trains:
                _train(recipe, state, folder, teacher)
            elif state.is_main_process:
                _write_table(recipe, folder, teacher)
    state.wait_for_everyone()


def _write_table(recipe: DistillRecipe, folder: DistillFolder, teacher: TeacherSide) -> None:
    """Finish a lookup table that is not trained."""
    folder.claim()
    note_inputs(recipe, folder.data)
    folder.require_same_data(False)
    _finish(folder, _student(recipe, teacher, folder.data), teacher, {}, 0, {}, 0, [])


def _student(recipe: DistillRecipe, teacher: TeacherSide, work: Path) -> Student:
    device, dtype = assembly.device_of(recipe), assembly.dtype_of(recipe)
    return STUDENTS[recipe.student.kind].build(recipe, teacher, device, dtype, work)


def _train(recipe: DistillRecipe, state: Any, folder: DistillFolder, teacher: TeacherSide) -> None:
    STUDENTS[recipe.student.kind].check(recipe, teacher)
    assembly.training_arguments(recipe, 1)
    with state.main_process_first():
        prepared = prepare_all(recipe, teacher, folder.data)
        student = _student(recipe, teacher, folder.data)
    trainer = _trainer(recipe, state, student, prepared)
    begun = folder.begin() if state.is_main_process else None
    resume = from_first(None if begun is None else str(begun), trainer.args.device)
    if resume is not None and state.is_main_process:
        print(f"Resuming from {resume}.")
    trainer.train(resume_from_checkpoint=resume)
    best = trainer.best_checkpoint()
    if best is not None:
        checkpoints.require_whole(best)
        student.load_weights(best)
    if not state.is_main_process:
        return
    trainer.require_sound()
    _finish(
        folder,
        student,
        teacher,
        trainer.cost(),
        len(prepared.queries),
        trainer.scores(),
        trainer.published_step(),
        trainer.state.log_history,
    )


def _trainer(
    recipe: DistillRecipe, state: Any, student: Student, prepared: Prepared
) -> DistillationTrainer:
    schedule = recipe.schedule
    rows, held = held_out_rows(len(prepared.queries), recipe.held_out, schedule.seed)
    if not len(rows):
        raise RecipeError(
            "held_out",
            f"held_out is {recipe.held_out:g}, so none of the {len(held)} queries is left to train "
            "on; lower it.",
        )
    if recipe.losses.needs_candidates:
        _require_candidates(recipe, prepared, rows, held)
    steps = schedule.steps
    if steps is None:
        assert schedule.epochs is not None
        wanted = schedule.epochs * len(rows) / schedule.queries
        if wanted > LARGEST:
            raise RecipeError(
                "schedule.epochs",
                f"schedule.epochs makes {wanted:.3g} steps; lower it to {LARGEST:,} at most.",
            )
        steps = max(1, math.ceil(wanted))
    evaluation: dict[str, Any] = {}
    if len(held):
        evaluation = {
            "eval_strategy": "steps",
            "eval_steps": recipe.saving.every,
            "metric_for_best_model": OBJECTIVE,
            "greater_is_better": False,
        }
    batches = QueryBatches(
        prepared.material(student.query_token_ids),
        rows,
        schedule.queries,
        steps,
        schedule.seed,
        state.num_processes,
        state.process_index,
    )
    args = assembly.training_arguments(recipe, steps, **evaluation)
    return DistillationTrainer(student, args, batches, recipe, held)


def _require_candidates(
    recipe: DistillRecipe, prepared: Prepared, rows: np.ndarray, held: np.ndarray
) -> None:
    """Refuse queries to train on, or to choose by, of which none has candidates.

    Raises:
        RecipeError: there are such.
    """
    assert prepared.candidates is not None
    having = np.fromiter(prepared.candidates.records, dtype=np.int64)
    for key, numbers in (("candidates.source", rows), ("held_out", held)):
        if len(numbers) and not np.isin(numbers, having).any():
            which = "trained on" if numbers is rows else "held out"
            losses = [name for name in recipe.losses.chosen if LOSSES[name].needs_candidates]
            raise RecipeError(
                key,
                f"none of the {len(numbers):,} queries that are {which} has candidates, which "
                f"{' and '.join(losses)} would need; give more records, or another held_out.",
            )


def _finish(
    folder: DistillFolder,
    student: Student,
    teacher: TeacherSide,
    cost: dict[str, float],
    queries: int,
    scores: dict[str, dict[str, float]],
    step: int,
    log: list[dict[str, Any]],
) -> None:
    """Write the student; its cost is written last and marks the run as finished."""
    folder.require_own()
    recipe: DistillRecipe = folder.recipe
    output, building = folder.path, folder.path / BUILDING
    shutil.rmtree(building, ignore_errors=True)
    student.write(building, teacher)
    (building / "recipe.yaml").write_text(public_recipe(recipe).to_yaml(), encoding="utf-8")
    (building / "environment.json").write_text(
        json.dumps(environment(), indent=2) + "\n", encoding="utf-8"
    )
    cost = {"steps": 0, "tokens": 0, "flops": 0.0, "seconds": 0.0, **cost}
    write_card(recipe, teacher, building, output, cost, queries, scores, step)
    folder.complete(cost, log)


def public_recipe(recipe: DistillRecipe) -> DistillRecipe:
    """The recipe without the folders of the machine that it was run on."""

    def named(path: str | None) -> str | None:
        return path and (path if path.startswith("hf:") else Path(path).name)

    student, candidates = recipe.student, recipe.candidates
    backbone = student.backbone
    if backbone is not None and Path(backbone).is_dir():
        backbone = Path(backbone).resolve().name
    if candidates is not None:
        candidates = dataclasses.replace(
            candidates,
            source=named(candidates.source) or candidates.source,
            corpus=named(candidates.corpus),
        )
    written = recipe.teacher.partition(",")
    return dataclasses.replace(
        recipe,
        teacher=public_name(recipe.teacher) + "".join(written[1:]),
        output=Path(recipe.output).resolve().name,
        student=dataclasses.replace(student, backbone=backbone, corpus=named(student.corpus)),
        queries=dataclasses.replace(recipe.queries, source=named(recipe.queries.source)),
        candidates=candidates,
    )
