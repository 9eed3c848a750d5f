"""What the stages that adapt a language model on passages have in common."""

from abc import abstractmethod
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_encoders.train.predictions import Choose, TokenLoss
from llm_encoders.train.stages.stage import Stage

if TYPE_CHECKING:
    from llm_encoders.data.passages import Passages
    from llm_encoders.train.base_trainer import BaseTrainer
    from llm_encoders.train.language_modelling import Rows
    from llm_encoders.train.recipe.recipe import Recipe


class AdaptationStage(Stage):
    """Trains on passages alone; what it makes is an adapter or a backbone, not an encoder."""

    unit = "passages"
    unused = (
        "encoder",
        "towers",
        "evaluation",
        "objective",
        "regularisation",
        "health",
        "schedule.candidates",
        "data.corpus",
        "data.split",
        "data.negatives",
        "data.random_negatives",
        "data.in_batch_negatives",
        "data.query_max_length",
        "data.passage_max_length",
        "data.exclude_known_positives",
    )

    @abstractmethod
    def choice(self, recipe: "Recipe", model: Any) -> Choose:
        """What is to be predicted of a text."""

    def rows(self, recipe: "Recipe", model: Any, passages: "Passages", folder: Path) -> "Rows":
        """What the model is trained on, one passage a row; ``folder`` is that of ``passages``."""
        from llm_encoders.train.language_modelling import PassageRows

        return PassageRows(passages, model.encoder(recipe.output).document_token_ids)

    def decay_steps(self, recipe: "Recipe", rows: int, steps: int) -> int:
        """The step at which the learning rate is zero, for a run of ``steps`` over ``rows``."""
        return steps

    @abstractmethod
    def loss(self) -> TokenLoss:
        """The loss of the predictions."""

    def check(self, recipe: "Recipe") -> None:
        """See :class:`Stage`; bounds and unused keys are all there is to check."""

    def build(self, recipe: "Recipe", state: Any, folder: Path) -> "BaseTrainer":
        """See :class:`Stage`."""
        from llm_encoders.data.prepare import prepare_passages
        from llm_encoders.train import assembly
        from llm_encoders.train.language_modelling import (
            LanguageModel,
            LanguageModellingBatches,
            LanguageModellingTrainer,
        )
        from llm_encoders.train.output import write_encoder
        from llm_encoders.train.run_folder import SKIPPED
        from llm_encoders.train.starting_point import training_checkpoint

        files = training_checkpoint(recipe)
        with state.main_process_first():
            passages = prepare_passages(
                recipe.data.train, folder, recipe.data.on_error, folder.parent / SKIPPED
            )
        model = assembly.load(recipe, files, LanguageModel)
        with state.main_process_first():
            rows = self.rows(recipe, model, passages, folder)
        choose = self.choice(recipe, model)
        schedule = recipe.schedule

        def batches(steps: int, processes: int = 1, rank: int = 0) -> LanguageModellingBatches:
            return LanguageModellingBatches(
                rows,
                choose,
                texts=schedule.queries // schedule.accumulation,
                steps=steps * schedule.accumulation,
                seed=schedule.seed,
                processes=processes,
                rank=rank,
            )

        steps = assembly.number_of_language_modelling_steps(recipe, model, len(rows), batches)
        return LanguageModellingTrainer(
            model,
            assembly.training_arguments(recipe, steps),
            batches(steps, state.num_processes, state.process_index),
            partial(write_encoder, model, recipe),
            keep=recipe.saving.keep,
            chunk_tokens=schedule.chunk_tokens,
            decay_steps=self.decay_steps(recipe, len(rows), steps),
            loss=self.loss(),
            epoch_steps=len(rows) / schedule.queries,
            batch_size=schedule.queries,
        )
