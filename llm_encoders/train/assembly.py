"""From a recipe to a trainer: device, arguments, objective, batches and number of steps."""

import dataclasses
import math
import os
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from transformers import TrainingArguments

from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.devices import choose_device, choose_dtype
from llm_encoders.encoding.tokens import require_room
from llm_encoders.errors import UsageError
from llm_encoders.evaluation.measures import HIGHER_IS_BETTER
from llm_encoders.jobs.arguments import LARGEST
from llm_encoders.train.batches import Sampling, TrainingBatches
from llm_encoders.train.compute import ModelShape
from llm_encoders.train.model import RetrievalModel, load_model
from llm_encoders.train.objective import Objective
from llm_encoders.train.recipe.errors import RecipeError
from llm_encoders.train.recipe.recipe import Recipe
from llm_encoders.train.recipe.sections import TIED
from llm_encoders.train.recipe.trainer import number_of
from llm_encoders.train.regularisers import REGULARISERS
from llm_encoders.train.reporters import require_reporters
from llm_encoders.train.titles import title_tokens
from llm_encoders.train.towers import TwoTowers

_TIMEOUT = 86_400  # seconds; process 0 prepares data and evaluates while the others wait


def device_of(recipe: Any) -> torch.device:
    """The device the recipe names, else the best there is; one GPU a process.

    Raises:
        UsageError: a GPU by number, with several processes.
    """
    if recipe.device in (None, "cuda") and torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    device = choose_device(recipe.device)
    if device.index is not None and int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise UsageError(
            f"device is {recipe.device}, which all {os.environ['WORLD_SIZE']} processes would "
            "share; write cuda, or leave it out, and each takes a GPU of its own."
        )
    return device


def dtype_of(recipe: Any) -> torch.dtype:
    """Number format of the frozen weights and of the computation."""
    return choose_dtype(recipe.dtype, device_of(recipe))


def load(recipe: Recipe, files: Checkpoint, kind: type[RetrievalModel]) -> Any:
    """The model of a recipe, of this kind; see :func:`llm_encoders.train.model.load_model`."""
    model = load_model(
        files,
        recipe.adapter,
        device_of(recipe),
        dtype_of(recipe),
        recipe.quantization,
        recipe.attention_implementation,
        kind=kind,
    )
    names = ("query_max_length", "passage_max_length")
    lengths = {name: length for name in names if (length := getattr(recipe.data, name)) is not None}
    require_room(model.tokenizer, dataclasses.replace(model.contract, **lengths), None, "data")
    return model if recipe.towers == TIED else TwoTowers(model)


def training_arguments(recipe: Any, steps: int, **further: Any) -> TrainingArguments:
    """Arguments of the Transformers trainer.

    Args:
        recipe: a recipe of the trainer, or another that has its sections ``schedule``, ``saving``
            and ``trainer``.
        steps: optimiser steps.
        further: arguments that follow from the recipe in another way.

    Raises:
        UsageError: Transformers refuses what ``trainer`` says.
    """
    require_reporters(recipe.trainer.get("report_to"))
    evaluation, dtype = getattr(recipe, "evaluation", None), dtype_of(recipe)
    options: dict[str, Any] = {
        "logging_steps": 10,
        "report_to": "none",
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "lr_scheduler_type": "linear",
        "ddp_find_unused_parameters": False,
        "ddp_timeout": _TIMEOUT,
        "remove_unused_columns": False,
        **{_known(key): number_of(key, value) for key, value in recipe.trainer.items()},
        "output_dir": recipe.output,
        "max_steps": steps,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": recipe.schedule.accumulation,
        "learning_rate": recipe.schedule.learning_rate,
        "warmup_steps": round(recipe.schedule.warmup * steps),
        "seed": recipe.schedule.seed,
        "save_strategy": "steps",
        "save_steps": recipe.saving.every,
        "bf16": dtype == torch.bfloat16,
        "fp16": dtype == torch.float16,
        "use_cpu": device_of(recipe).type == "cpu",
    }
    if evaluation is not None:
        options |= {
            "eval_strategy": "steps",
            "eval_steps": evaluation.every or steps,
            "eval_on_start": evaluation.at_start,
            "metric_for_best_model": evaluation.metric,
            "greater_is_better": HIGHER_IS_BETTER[evaluation.metric],
        }
    try:
        args = TrainingArguments(**options, **further)
    except (ValueError, TypeError, ImportError) as error:
        raise RecipeError("trainer", f"trainer: {' '.join(str(error).split())}") from None
    if dtype == torch.float32:
        args.mixed_precision = "no"  # whatever a launcher's configuration says
    args._n_gpu = min(1, args.n_gpu)  # one process a GPU; torchrun starts more
    return args


def _known(key: str) -> str:
    """The name that this version of Transformers has for activation checkpointing."""
    older = key.replace("activation_", "gradient_")
    return key if key in {one.name for one in fields(TrainingArguments)} else older


def begin_processes(recipe: Any) -> Any:
    """Accelerate's ``PartialState``: which process of how many this is."""
    from accelerate import PartialState

    if recipe.device not in (None, "cuda"):  # else Accelerate gives each process its own GPU
        os.environ["ACCELERATE_TORCH_DEVICE"] = recipe.device
    timeout = timedelta(seconds=recipe.trainer.get("ddp_timeout", _TIMEOUT))
    distributed = {"timeout": timeout} if "RANK" in os.environ else {}
    state = PartialState(cpu=device_of(recipe).type == "cpu", **distributed)
    share = recipe.schedule.queries // recipe.schedule.accumulation
    if share < state.num_processes:
        raise UsageError(
            f"{share} queries (schedule.queries / schedule.accumulation) cannot be shared among "
            f"{state.num_processes} processes; give at least one each."
        )
    return state


def make_objective(
    recipe: Recipe,
    idf: torch.Tensor | None,
    token_rows: Callable[[], torch.Tensor | None] = lambda: None,
) -> Objective:
    """The objective of a recipe; ``idf`` and ``token_rows`` for parts that need them."""
    assert recipe.encoder is not None and recipe.encoder.temperature is not None
    weights, strength = recipe.objective, recipe.regularisation
    regulariser = REGULARISERS[strength.kind]
    return Objective(
        weights.losses,
        temperature=recipe.encoder.temperature,
        teacher_temperature=weights.teacher_temperature,
        query_regularisation=strength.queries,
        passage_regularisation=strength.passages,
        regulariser=lambda texts: regulariser.of(texts, idf),
        title_prediction=weights.title_prediction,
        token_rows=token_rows,
    )


def make_batches(
    recipe: Recipe, model: Any, data: Any, steps: int, processes: int, rank: int
) -> TrainingBatches:
    """Batches of a run of ``steps`` optimiser steps."""
    schedule = recipe.schedule
    sampling = Sampling(
        queries=schedule.queries // schedule.accumulation,
        negatives=recipe.data.negatives,
        seed=schedule.seed,
        candidates=schedule.candidates,
        exclude_known_positives=recipe.data.exclude_known_positives,
        random_negatives=recipe.data.random_negatives,
        in_batch=recipe.data.in_batch,
        processes=processes,
        rank=rank,
    )
    encoder = model.towers[""].encoder(recipe.output)  # texts become tokens alike on both sides
    # Batches are copied to the processes that load data; tokenising needs no weights.
    shape = SimpleNamespace(config=encoder.backbone.decoder.config)
    encoder.backbone = replace(encoder.backbone, decoder=shape, head=None)
    return TrainingBatches(
        data,
        sampling,
        steps * schedule.accumulation,
        partial(encoder.query_token_ids, max_length=recipe.data.query_max_length),
        partial(encoder.document_token_ids, max_length=recipe.data.passage_max_length),
        partial(title_tokens, encoder.backbone.tokenizer, encoder.config)
        if recipe.objective.title_prediction
        else None,
    )


_SAMPLE = 16


def number_of_steps(recipe: Recipe, model: Any, data: Any) -> int:
    """Optimiser steps of a run: given, from epochs, or what the budget buys.

    A budget is divided by the mean cost of a sample of batches, the same in every run.
    """

    def cost(shape: ModelShape) -> float:
        batches = make_batches(recipe, model, data, _SAMPLE, 1, 0)
        found = 0.0
        for number in range(_SAMPLE):
            batch = batches[number]
            lengths = [len(ids) for ids in batch.texts]
            found += shape.step(lengths, len(batch.queries), len(batch.passages))
        return found / _SAMPLE

    return _steps(recipe, model, len(data.queries), cost)


def number_of_language_modelling_steps(
    recipe: Recipe, model: Any, rows: int, batches: Callable[[int], Any]
) -> int:
    """As :func:`number_of_steps`, for the stages ``mntp`` and ``clm``, over so many rows."""

    def cost(shape: ModelShape) -> float:
        sample = batches(_SAMPLE)
        texts = [text for number in range(_SAMPLE) for text in sample[number]]
        share = sum(shape.text(len(t.token_ids), headed=len(t.targets)) for t in texts)
        return share / len(texts) * (recipe.schedule.queries // recipe.schedule.accumulation)

    return _steps(recipe, model, rows, cost)


def _steps(recipe: Recipe, model: Any, texts: int, cost: Callable[[ModelShape], float]) -> int:
    schedule = recipe.schedule
    if schedule.steps is not None:
        return schedule.steps
    if schedule.epochs is not None:
        return _counted("schedule.epochs", schedule.epochs * texts / schedule.queries, math.ceil)
    assert recipe.budget is not None
    per_step = cost(ModelShape.of(model)) * schedule.accumulation
    steps = recipe.budget.training_flops / per_step
    if round(steps) < 1:
        raise RecipeError(
            "budget.training_flops",
            f"budget.training_flops is {recipe.budget.training_flops:.3g}, but one step costs "
            f"{per_step:.3g}; raise it, or make steps smaller (schedule.queries).",
        )
    return _counted("budget.training_flops", steps, round)


def _counted(key: str, steps: float, rounded: Callable[[float], int]) -> int:
    if steps > LARGEST:
        raise RecipeError(key, f"{key} makes {steps:.3g} steps; lower it to {LARGEST:,} at most.")
    return max(1, rounded(steps))
