"""Fine-tuning of an encoder: contrastive, by distillation, or both."""

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_encoders.config import EncoderConfig
from llm_encoders.errors import UsageError
from llm_encoders.train import random_negatives
from llm_encoders.train.losses import LOSSES
from llm_encoders.train.recipe.errors import RecipeError
from llm_encoders.train.recipe.sections import Evaluation
from llm_encoders.train.stages.stage import Stage

if TYPE_CHECKING:
    import torch

    from llm_encoders.data.faults import LeftOut
    from llm_encoders.data.prepare import TrainingData
    from llm_encoders.evaluation.collection import Collection
    from llm_encoders.train.base_trainer import BaseTrainer
    from llm_encoders.train.recipe.recipe import Recipe

_IDF_SAMPLE = 100_000  # passages
_TEST = re.compile(r"(?<![a-z])test(?![a-z])", re.IGNORECASE)
_OF_ONE_PARADIGM = {
    **dict.fromkeys(("pooling", "normalize"), "dense"),
    **dict.fromkeys(("logit_scale", "impact_scale", "query_top_k", "passage_top_k"), "sparse"),
}


class _FineTune(Stage):
    name = "fine-tune"
    citation = "*Scaling Sparse and Dense Retrieval in Decoder-Only LLMs* (arXiv 2502.15526)"
    unit = "queries"

    def check(self, recipe: "Recipe") -> None:
        """See :class:`Stage`."""
        if recipe.encoder is None:
            raise RecipeError(
                "", "'encoder' is missing; write at least 'paradigm: sparse' or 'dense'."
            )
        _check_projections(recipe)
        _check_objective(recipe)
        random_negatives.check(recipe)
        _check_evaluation(recipe)
        _check_paradigm(recipe)

    def contract(self, recipe: "Recipe") -> EncoderConfig:
        """The section ``encoder``."""
        assert recipe.encoder is not None
        return recipe.encoder

    def objective(self, recipe: "Recipe") -> str:
        """See :class:`Stage`."""
        weights = recipe.objective.losses
        parts = [f"{value:g} × {LOSSES[name].title}" for name, value in weights.items()]
        if recipe.objective.title_prediction:
            parts.append(f"{recipe.objective.title_prediction:g} × title prediction")
        return " + ".join(parts)

    def purpose(self, recipe: "Recipe") -> str:
        """See :class:`Stage`."""
        assert recipe.encoder is not None
        return f"A {recipe.encoder.paradigm} retrieval encoder."

    def build(self, recipe: "Recipe", state: Any, folder: Path) -> "BaseTrainer":
        """See :class:`Stage`."""
        from llm_encoders.data.faults import LeftOut
        from llm_encoders.data.prepare import prepare
        from llm_encoders.data.sources import DataSources
        from llm_encoders.train import assembly, titles
        from llm_encoders.train.held_out import hold_out
        from llm_encoders.train.model import RetrievalModel
        from llm_encoders.train.output import write_encoder
        from llm_encoders.train.retrieval_trainer import RetrievalTrainer
        from llm_encoders.train.run_folder import SKIPPED, SKIPPED_EVALUATION
        from llm_encoders.train.starting_point import training_checkpoint

        evaluation = recipe.evaluation or Evaluation()
        held_out = evaluation.held_out
        listing = folder.parent / SKIPPED_EVALUATION if state.is_main_process else None
        faults = LeftOut(recipe.data.on_error, listing)
        load = partial(_load, evaluation, faults=faults, main=state.is_main_process)
        chosen_on = [] if held_out is not None else load(evaluation.split)
        reported = {split: load(split) for split in evaluation.report}
        if faults.count and state.is_main_process:
            print(faults.summary("evaluation.collections"))
        files = training_checkpoint(recipe)
        source = recipe.data
        sources = DataSources(source.train, source.corpus, source.split, source.on_error)
        weights = recipe.objective
        with state.main_process_first():
            data = prepare(
                sources,
                folder,
                need_scores=weights.needs_teacher,
                need_negatives=not weights.in_batch,
                every_passage=not recipe.data.exclude_known_positives,
                listing=folder.parent / SKIPPED,
            )
        random_negatives.require_passages(
            source.random_negatives, data.passages.keys, sources.corpus_name or source.train
        )
        if held_out is not None:
            data, queries = hold_out(data, held_out, recipe.schedule.seed)
            chosen_on = [queries]
        model = assembly.load(recipe, files, RetrievalModel)
        predicts = weights.title_prediction > 0
        if predicts:
            titles.require_titles(data.passages, source.corpus or source.train)
        rows = titles.token_rows(model, files) if predicts else lambda: None
        steps = assembly.number_of_steps(recipe, model, data)
        return RetrievalTrainer(
            model,
            assembly.training_arguments(recipe, steps),
            assembly.make_batches(
                recipe, model, data, steps, state.num_processes, state.process_index
            ),
            partial(write_encoder, model, recipe),
            recipe,
            assembly.make_objective(recipe, _idf(recipe, model, data), rows),
            chosen_on,
            reported,
            epoch_steps=len(data.queries) / recipe.schedule.queries,
            batch_size=recipe.schedule.queries,
        )


FINE_TUNE = _FineTune()


def _load(evaluation: Evaluation, split: str, faults: "LeftOut", main: bool) -> "list[Collection]":
    """The collections with the judgements of this split.

    Args:
        evaluation: of the recipe.
        split: of the judgements.
        faults: takes faulty documents.
        main: whether this process speaks for all.
    """
    from llm_encoders.evaluation.collection import Collection, warn

    try:
        return [
            Collection.load(name, split, faults, warn if main else lambda problem: None)
            for name in evaluation.collections
        ]
    except UsageError as error:
        if split != evaluation.split:
            raise
        raise UsageError(
            f"{error} evaluation.split says on which judgements the checkpoint is chosen; without "
            "any, hold out training queries (evaluation.held_out: 200)."
        ) from None


def _check_projections(recipe: "Recipe") -> None:
    if recipe.encoder is not None and recipe.encoder.projections:
        raise RecipeError(
            "encoder.projections",
            "encoder.projections names layers behind the pooling, which are not trained here; "
            "leave it out.",
        )


def _check_objective(recipe: "Recipe") -> None:
    weights, schedule, data = recipe.objective, recipe.schedule, recipe.data
    in_batch = [name for name, loss in LOSSES.items() if loss.in_batch]
    if not weights.losses:
        raise RecipeError(
            "objective", f"objective has no loss; give a weight to one of {', '.join(LOSSES)}."
        )
    if weights.teacher_temperature != 1.0 and not weights.needs_teacher:
        teachers = [name for name, loss in LOSSES.items() if loss.needs_teacher]
        raise RecipeError(
            "objective.teacher_temperature",
            "objective.teacher_temperature divides the scores of a teacher, from whom only "
            f"{' and '.join(teachers)} learn; leave it out.",
        )
    if schedule.candidates is not None and not weights.in_batch:
        raise RecipeError(
            "schedule.candidates",
            "schedule.candidates limits the in-batch negatives, which only "
            f"{', '.join(in_batch)} uses; leave it out.",
        )
    encoder = recipe.encoder
    assert encoder is not None
    if weights.title_prediction and ("+" in encoder.pooling or encoder.dimension is not None):
        raise RecipeError(
            "objective.title_prediction",
            "objective.title_prediction compares a passage's vector with the rows of the LM head, "
            "so it needs a whole hidden state: one pooling, and no encoder.dimension.",
        )
    own = 1 + data.negatives
    if schedule.candidates is not None and schedule.candidates < own:
        raise RecipeError(
            "schedule.candidates",
            f"schedule.candidates is {schedule.candidates}; a query's own passages are {own}, so "
            "give at least that.",
        )
    lonely = [name for name in weights.losses if not LOSSES[name].in_batch]
    if lonely and data.negatives == 0:
        raise RecipeError(
            "data.negatives",
            f"data.negatives is 0, but {' and '.join(lonely)} compares only a query's own "
            "passages; give negatives.",
        )


def _check_evaluation(recipe: "Recipe") -> None:
    evaluation = recipe.evaluation
    if evaluation is None:
        return
    if evaluation.held_out is None:
        if not evaluation.collections:
            raise RecipeError(
                "evaluation.collections",
                "evaluation.collections is empty; name a folder in BEIR layout, or give "
                "evaluation.held_out.",
            )
        if _TEST.search(evaluation.split):
            raise RecipeError(
                "evaluation.split",
                f"evaluation.split is '{evaluation.split}', and a checkpoint that is chosen on "
                "test queries has scores that are too good. Choose on dev, or on training queries "
                "(evaluation.held_out: 200), and write report: [test] for the figures.",
            )
        if evaluation.split in evaluation.report:
            raise RecipeError(
                "evaluation.report",
                f"evaluation.report names '{evaluation.split}', on which the checkpoint is chosen; "
                "report another split.",
            )
    elif evaluation.collections and not evaluation.report:
        raise RecipeError(
            "evaluation.collections",
            "evaluation.held_out chooses the checkpoint, so the collections have no use; leave "
            "them out, or name the splits to report (evaluation.report).",
        )
    if evaluation.report and not evaluation.collections:
        raise RecipeError(
            "evaluation.report",
            "evaluation.report names splits of collections, but evaluation.collections is empty.",
        )
    _check_names(evaluation.collections)


def _check_names(collections: list[str]) -> None:
    """Figures are reported by the folder's name."""
    names = [Path(folder).resolve().name for folder in collections]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(
                "evaluation.collections",
                f"evaluation.collections has {names.count(name)} folders of the name '{name}', by "
                "which their figures are reported; rename one.",
            )


def _check_paradigm(recipe: "Recipe") -> None:
    encoder, strength = recipe.encoder, recipe.regularisation
    assert encoder is not None
    if encoder.paradigm == "dense" and (strength.queries or strength.passages):
        raise RecipeError(
            "regularisation", "regularisation is for sparse encoders; this one is dense."
        )
    for name, paradigm in _OF_ONE_PARADIGM.items():
        default = getattr(EncoderConfig(encoder.paradigm), name)
        if encoder.paradigm != paradigm and getattr(encoder, name) != default:
            raise RecipeError(
                f"encoder.{name}",
                f"encoder.{name} is for {paradigm} encoders; this one is {encoder.paradigm}. "
                "Leave it out.",
            )


def _idf(recipe: "Recipe", model: Any, data: "TrainingData") -> "torch.Tensor | None":
    """Inverse document frequency of every term over the first passages, where it is needed."""
    import torch

    from llm_encoders.train.regularisers import REGULARISERS
    from llm_encoders.train.regularisers.idf_flops import inverse_document_frequency

    if not REGULARISERS[recipe.regularisation.kind].needs_idf:
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
