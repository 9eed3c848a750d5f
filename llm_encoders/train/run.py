"""A training run from recipe to finished encoder, begun or gone on with."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import torch
import yaml

from llm_encoders.config import CONFIG_NAME
from llm_encoders.errors import UsageError
from llm_encoders.train import assembly, checkpoints
from llm_encoders.train.base_trainer import load_weights
from llm_encoders.train.data.prepare import DataSources, TrainingData, prepare
from llm_encoders.train.evaluation import METRICS, Collection
from llm_encoders.train.model import load_model
from llm_encoders.train.output import write_card, write_encoder
from llm_encoders.train.recipe import Recipe
from llm_encoders.train.regularisers import inverse_document_frequency
from llm_encoders.train.retrieval_trainer import RetrievalTrainer

_RECIPE = "recipe.yaml"
_IDF_SAMPLE = 100_000


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
    device = assembly.device_of(recipe)
    state = PartialState(cpu=device.type == "cpu")
    if state.is_main_process:
        _claim(recipe, output, overwrite)
    state.wait_for_everyone()
    collections = _collections(recipe)
    files = assembly.training_checkpoint(recipe)
    sources = DataSources(recipe.data.train, recipe.data.corpus, recipe.data.split)
    with state.main_process_first():
        data = prepare(sources, output / "data", recipe.needs_scores)
    set_seed(recipe.schedule.seed)
    model = load_model(
        files,
        recipe.adapter,
        device,
        assembly.dtype_of(recipe),
        recipe.quantization,
        recipe.attention_implementation,
    )
    steps = assembly.number_of_steps(recipe, model, data)
    args = assembly.training_arguments(recipe, steps)

    def write(folder: Path, state_dict: dict[str, torch.Tensor] | None) -> None:
        write_encoder(model, recipe, folder, state_dict)

    trainer = RetrievalTrainer(
        model,
        args,
        assembly.make_batches(recipe, model, data, steps, state.num_processes, state.process_index),
        write,
        recipe,
        assembly.make_objective(recipe, _idf(recipe, model, data)),
        collections,
    )
    resume = checkpoints.last_whole(output) if state.is_main_process else None
    state.wait_for_everyone()
    resume = resume or checkpoints.last_whole(output)
    if resume is not None and state.is_main_process:
        print(f"Going on from {resume}.")
    begun = time.monotonic()
    trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
    best = trainer.best_checkpoint()
    if best is not None:
        load_weights(model, best)
    if state.is_main_process:
        _finish(trainer, model, recipe, output, time.monotonic() - begun)
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
        if (output / CONFIG_NAME).is_file():
            raise UsageError(
                f"{output} holds the finished encoder of this recipe; add --overwrite to train it "
                "anew."
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


def _collections(recipe: Recipe) -> list[Collection]:
    if recipe.evaluation is None:
        return []
    if recipe.evaluation.metric not in METRICS:
        raise UsageError(
            f"evaluation.metric is '{recipe.evaluation.metric}'; choose one of "
            f"{', '.join(METRICS)}."
        )
    split = recipe.evaluation.split
    return [Collection.load(folder, split) for folder in recipe.evaluation.collections]


def _idf(recipe: Recipe, model: Any, data: TrainingData) -> torch.Tensor | None:
    """Inverse document frequency of every term over the first passages, where it is needed."""
    if recipe.regularisation.kind != "idf-flops":
        return None
    count = min(_IDF_SAMPLE, len(data.passages))
    encoder = model.encoder(recipe.output)
    frequency = torch.zeros(len(model.backbone().head), dtype=torch.int64)
    for first in range(0, count, 1000):
        texts, titles = data.passages.texts(range(first, min(count, first + 1000)))
        for ids in encoder.document_token_ids(texts, titles):
            frequency[list(set(ids))] += 1
    return inverse_document_frequency(frequency, count)


def _finish(
    trainer: RetrievalTrainer, model: Any, recipe: Recipe, output: Path, seconds: float
) -> None:
    """Write the finished encoder; its contract comes last, as the sign that it is whole."""
    building = output / "finished"
    shutil.rmtree(building, ignore_errors=True)
    write_encoder(model, recipe, building, merged=recipe.saving.merged, home=output)
    history = trainer.state.log_history
    with (output / "log.jsonl").open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in history)
    spent = {
        "steps": trainer.state.global_step,
        "tokens": trainer.state.num_input_tokens_seen,
        "flops": trainer.state.total_flos,
        "seconds": seconds,
    }
    (output / "spent.json").write_text(json.dumps(spent, indent=2) + "\n", encoding="utf-8")
    write_card(recipe, building, output, spent, _scores(trainer))
    for path in sorted(building.iterdir(), key=lambda path: path.name == CONFIG_NAME):
        path.replace(output / path.name)
    building.rmdir()
    print(
        f"{output}: {spent['steps']:,} steps, {spent['tokens']:,} tokens, "
        f"{spent['flops']:.3g} floating-point operations, {seconds:,.0f} seconds."
    )


def _scores(trainer: RetrievalTrainer) -> dict[str, float]:
    """What evaluation gave for the weights that are published."""
    best = trainer.state.best_global_step or trainer.state.global_step
    names = [collection.name for collection in trainer.collections]
    for line in trainer.state.log_history:
        if line.get("step") == best and any(key.startswith("eval_") for key in line):
            return {
                key.removeprefix("eval_"): value
                for key, value in line.items()
                if any(key.startswith(f"eval_{name}_") for name in names)
            }
    return {}


def _push(output: Path, repository: str) -> None:
    """Upload the finished encoder, without checkpoints and data."""
    from huggingface_hub import HfApi

    api = HfApi()
    api.create_repo(repository, exist_ok=True)
    api.upload_folder(
        repo_id=repository,
        folder_path=output,
        ignore_patterns=["checkpoint-*/*", "data/*", "*.tmp"],
    )
    print(f"Published as {repository}.")
