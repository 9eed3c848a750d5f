"""Fine-tuning of an encoder: contrastive, distillation and both, with gradient caching."""

from typing import Any

import torch
from torch import Tensor
from transformers import TrainingArguments

from llm_encoders.errors import UsageError
from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.evaluate import evaluate
from llm_encoders.train import gradient_cache, reference
from llm_encoders.train.base_trainer import BaseTrainer
from llm_encoders.train.batches import TrainingBatch, TrainingBatches
from llm_encoders.train.compute import ModelShape
from llm_encoders.train.gather import from_first, gather_rows, processes, rank
from llm_encoders.train.health import SparsityMonitor, require_finite
from llm_encoders.train.objective import Objective, Part, total
from llm_encoders.train.recipe.recipe import Recipe
from llm_encoders.train.regularisers.ramp import ramp


class RetrievalTrainer(BaseTrainer):
    """Trains a :class:`llm_encoders.train.model.RetrievalModel` by a recipe."""

    def __init__(
        self,
        model: Any,
        args: TrainingArguments,
        batches: TrainingBatches,
        write: Any,
        recipe: Recipe,
        objective: Objective,
        collections: list[Collection],
        reported: dict[str, list[Collection]],
        **options: Any,
    ) -> None:
        """Arguments in addition to those of :class:`BaseTrainer`.

        Args:
            recipe: what the model is trained by.
            objective: what is minimised.
            collections: choose the checkpoint.
            reported: collections by split, on which the chosen checkpoint is evaluated at the end.
        """
        self.two_towers = len(model.towers) > 1
        if self.two_towers:  # the last pass of a step goes through one of them only
            args.ddp_find_unused_parameters = True
        super().__init__(
            model,
            args,
            batches,
            write,
            recipe.saving.keep,
            eval_dataset=collections or None,
            **options,
        )
        if (collections or reported) and self.sharded:
            raise UsageError(
                "evaluation while training does not work with sharded weights (FSDP, DeepSpeed); "
                "leave 'evaluation' out and evaluate the checkpoints."
            )
        if self.two_towers and self.sharded:
            raise UsageError(
                f"towers: {recipe.towers} does not work with sharded weights (FSDP, DeepSpeed); "
                "leave trainer.fsdp and trainer.deepspeed out, or tie the towers."
            )
        self.recipe, self.batches = recipe, batches
        self.objective: Objective = objective
        self.collections, self.reported = collections, reported
        self.shape = ModelShape.of(model)
        self.ramp_steps = round(recipe.regularisation.ramp * args.max_steps)
        sparse = model.contract.paradigm == "sparse"
        self.monitor = (
            SparsityMonitor(self.shape.vector, self.ramp_steps, recipe.health) if sparse else None
        )
        self._sums: dict[str, Tensor] = {}
        self._count = 0
        self._step = self._part = 0

    def training_step(  # type: ignore[override]
        self, model: Any, inputs: TrainingBatch, num_items_in_batch: Any = None
    ) -> Tensor:
        """Forward and backward of one batch; the loss is that of all processes' texts."""
        model.train()
        device = self.args.device
        candidates = inputs.candidates.to(device)
        strength = self._next_ramp()
        own_queries, own_texts = len(inputs.queries), len(inputs.queries + inputs.passages)

        def loss_of(vectors: Tensor) -> Tensor:
            own = vectors[:own_queries], vectors[own_queries:own_texts]
            with torch.autocast(device.type, enabled=False):
                queries = gather_rows(own[0], inputs.query_counts)
                passages = gather_rows(own[1], inputs.passage_counts)
                titled = None
                if inputs.titled is not None:
                    untitled = gather_rows(vectors[own_texts:], inputs.titled.counts)
                    titled = untitled, inputs.titled.titles.to(device)
                parts = self.objective.parts(queries, passages, candidates, strength, titled)
                self._note(parts, queries, passages)
                if self.recipe.objective.loss_scaling == "exact":
                    return total(parts)
                first = sum(inputs.query_counts[: rank()])
                parts = reference.with_local_regularisation(
                    parts, self.objective, *own, candidates, first
                )
                return reference.scaled(parts, processes())

        # Data parallelism averages gradients over processes; their sum is meant.
        factor = processes() / self.current_gradient_accumulation_steps
        loss = gradient_cache.step(
            model,
            inputs.texts,
            loss_of,
            lambda value: self.backward(value * factor),
            max_tokens=self.recipe.schedule.chunk_tokens,
            device=device,
            no_sync=lambda: self.last_or_no_sync(model, False),
            queries=own_queries if self.two_towers else None,
        )
        return loss / self.current_gradient_accumulation_steps

    def _next_ramp(self) -> float:
        """Share of the regularisation weight for the next part of a step."""
        step = self.state.global_step + 1
        self._part = self._part + 1 if step == self._step else 1
        self._step = step
        return self._ramp(step, self._part)

    def _ramp(self, step: int, part: int) -> float:
        """Share of the regularisation weight at a part of a step, both counted from 1."""
        if self.recipe.regularisation.ramp_unit == "micro-batch":
            return ramp((step - 1) * self.recipe.schedule.accumulation + part, self.ramp_steps)
        return ramp(step, self.ramp_steps)

    @torch.no_grad()
    def _note(self, parts: list[Part], queries: Tensor, passages: Tensor) -> None:
        step = self.state.global_step + 1
        values = {part.name: part.value.detach() for part in parts}
        require_finite(total(parts), {name: float(value) for name, value in values.items()}, step)
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value
        self._count += 1
        if self.monitor is not None:
            self.monitor.observe(queries.detach(), passages.detach(), step)

    def floating_point_ops(self, inputs: TrainingBatch) -> float:  # type: ignore[override]
        """Operations of this process's share of a batch; see :mod:`llm_encoders.train.compute`."""
        share = len(inputs.queries)
        return self.shape.step(self.token_counts(inputs), share, sum(inputs.passage_counts))

    def cost(self) -> dict[str, float]:
        """As of :class:`BaseTrainer`; with ``annotations`` once all queries have been seen.

        Those are the pairs of a query and a relevant passage that the encoder learned from.
        """
        queries = self.batches.data.queries
        seen = self.state.global_step * self.recipe.schedule.queries
        known = {"annotations": self.batches.data.annotations} if seen >= len(queries) else {}
        return {**super().cost(), **known}

    def token_counts(self, inputs: TrainingBatch) -> list[int]:
        """See :class:`BaseTrainer`."""
        return [len(ids) for ids in inputs.texts]

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the parts of the objective, sparsity, and the cost so far."""
        if "loss" in logs and self._count:
            for name, value in self._sums.items():
                logs[name] = float(value) / self._count
            self._sums, self._count = {}, 0
            if self.monitor is not None:
                logs.update(self.monitor.figures())
                logs["ramp"] = self._ramp(self.state.global_step, self._part)
        super().log(logs, start_time)

    def evaluate(self, *arguments: Any, **options: Any) -> dict[str, float]:
        """Figures of every collection that chooses the checkpoint, and their means."""
        figures: dict[str, float] = {}
        if rank() == 0:
            figures = {f"eval_{name}": value for name, value in self._figures(self.collections)}
        figures = from_first(figures, self.args.device)
        self.log(dict(figures))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, figures
        )
        return figures

    def _figures(self, collections: list[Collection]) -> list[tuple[str, float]]:
        """Figures of the present weights, of every collection and their means."""
        self.trained.eval()
        encoder = self.trained.encoder(self.recipe.output)
        figures: dict[str, float] = {}
        for collection in collections:
            for name, value in evaluate(encoder, collection).items():
                figures[f"{collection.name}_{name}"] = value
                figures[name] = figures.get(name, 0.0) + value / len(collections)
        return list(figures.items())

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        better = super()._determine_best_metric(metrics, trial)
        if better:  # the best must be on disk
            self.control.should_save = True
        return better

    def scores(self) -> dict[str, dict[str, float]]:
        """See :class:`BaseTrainer`."""
        found = {}
        if self.collections and self.recipe.evaluation is not None:
            found[self.recipe.evaluation.chooser] = self._chosen()
        for split, collections in self.reported.items():
            figures = dict(self._figures(collections))
            line = {f"report_{split}_{name}": value for name, value in figures.items()}
            self.state.log_history.append({"step": self.published_step(), **line})
            found[split] = {
                name: value
                for name, value in figures.items()
                if any(name.startswith(f"{one.name}_") for one in collections)
            }
        return found

    def _chosen(self) -> dict[str, float]:
        """Figures of the published checkpoint on the data that chose it."""
        prefixes = tuple(f"eval_{collection.name}_" for collection in self.collections)
        for line in self.state.log_history:
            if line.get("step") == self.published_step():
                figures = {key: value for key, value in line.items() if key.startswith(prefixes)}
                if figures:
                    return {key.removeprefix("eval_"): value for key, value in figures.items()}
        return {}
