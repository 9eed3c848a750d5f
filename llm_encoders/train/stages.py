"""The stages of training: what each makes of a recipe before the first step."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from llm_encoders.data.prepare import (
    DataSources,
    TrainingData,
    prepare,
    prepare_passages,
)
from llm_encoders.evaluation.evaluate import Collection
from llm_encoders.train import assembly
from llm_encoders.train.base_trainer import BaseTrainer
from llm_encoders.train.clm import clm_loss, every_next_token
from llm_encoders.train.language_modelling import (
    LanguageModel,
    LanguageModellingBatches,
    LanguageModellingTrainer,
    Prediction,
    TokenLoss,
    prediction_loss,
)
from llm_encoders.train.mntp import mask_id_of, mask_tokens
from llm_encoders.train.model import RetrievalModel, load_model
from llm_encoders.train.output import write_encoder
from llm_encoders.train.recipe.recipe import Recipe
from llm_encoders.train.regularisers import inverse_document_frequency
from llm_encoders.train.retrieval_trainer import RetrievalTrainer
from llm_encoders.train.starting_point import training_checkpoint

_IDF_SAMPLE = 100_000
Choose = Callable[[list[int], np.random.Generator], Prediction]
"""What is to be predicted of a text."""


def fine_tuning(recipe: Recipe, state: Any, folder: Path) -> BaseTrainer:
    """A trainer of the ranking objectives.

    Args:
        recipe: what to do.
        state: Accelerate's ``PartialState``.
        folder: takes the prepared data.
    """
    evaluation = recipe.evaluation
    names = [] if evaluation is None else evaluation.collections
    collections = [Collection.load(name, evaluation.split) for name in names]  # type: ignore[union-attr]
    files = training_checkpoint(recipe)
    sources = DataSources(recipe.data.train, recipe.data.corpus, recipe.data.split)
    with state.main_process_first():
        data = prepare(sources, folder, recipe.needs_scores, recipe.needs_negatives)
    model = _load(recipe, files, RetrievalModel)
    steps = assembly.number_of_steps(recipe, model, data)
    return RetrievalTrainer(
        model,
        assembly.training_arguments(recipe, steps),
        assembly.make_batches(recipe, model, data, steps, state.num_processes, state.process_index),
        partial(_write, model, recipe),
        recipe,
        assembly.make_objective(recipe, _idf(recipe, model, data)),
        collections,
    )


def mntp(recipe: Recipe, state: Any, folder: Path) -> BaseTrainer:
    """A trainer of masked next-token prediction; arguments as for :func:`fine_tuning`."""

    def masking(model: LanguageModel) -> Choose:
        mask_id = mask_id_of(model.tokenizer, recipe.mntp.mask_token)
        vocabulary = len(model.backbone().head)
        special = frozenset(model.tokenizer.all_special_ids)
        return lambda ids, generator: mask_tokens(
            ids, generator, recipe.mntp.share, mask_id, vocabulary, special
        )

    return _language_modelling(recipe, state, folder, masking, prediction_loss)


def clm(recipe: Recipe, state: Any, folder: Path) -> BaseTrainer:
    """A trainer of next-token prediction; arguments as for :func:`fine_tuning`."""

    def everything(model: LanguageModel) -> Choose:
        return lambda ids, generator: every_next_token(ids)

    return _language_modelling(recipe, state, folder, everything, clm_loss)


STAGES = {"clm": clm, "mntp": mntp, "fine-tune": fine_tuning}


def _language_modelling(
    recipe: Recipe,
    state: Any,
    folder: Path,
    choice: Callable[[LanguageModel], Choose],
    loss: TokenLoss,
) -> BaseTrainer:
    files = training_checkpoint(recipe)
    with state.main_process_first():
        passages = prepare_passages(recipe.data.train, folder)
    model = _load(recipe, files, LanguageModel)
    choose = choice(model)
    schedule = recipe.schedule
    encoder = model.encoder(recipe.output)

    def batches(steps: int, processes: int = 1, rank: int = 0) -> LanguageModellingBatches:
        return LanguageModellingBatches(
            passages,
            encoder.document_token_ids,
            choose,
            texts=schedule.queries // schedule.accumulation,
            steps=steps * schedule.accumulation,
            seed=schedule.seed,
            processes=processes,
            rank=rank,
        )

    steps = assembly.number_of_language_modelling_steps(recipe, model, passages, batches)
    return LanguageModellingTrainer(
        model,
        assembly.training_arguments(recipe, steps),
        batches(steps, state.num_processes, state.process_index),
        partial(_write, model, recipe),
        keep=recipe.saving.keep,
        chunk_tokens=schedule.chunk_tokens,
        loss=loss,
    )


def _load(recipe: Recipe, files: Any, kind: type[RetrievalModel]) -> Any:
    return load_model(
        files,
        recipe.adapter,
        assembly.device_of(recipe),
        assembly.dtype_of(recipe),
        recipe.quantization,
        recipe.attention_implementation,
        kind=kind,
    )


def _write(
    model: Any, recipe: Recipe, folder: Path, state_dict: dict[str, torch.Tensor] | None
) -> None:
    write_encoder(model, recipe, folder, state_dict)


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
    frequency[model.tokenizer.all_special_ids] = 0  # BOS is in every passage, but is no word
    return inverse_document_frequency(frequency, count)
