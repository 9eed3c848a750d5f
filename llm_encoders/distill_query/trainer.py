"""The training loop of a student."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import TrainingArguments

from llm_encoders.distill_query.batches import Material, QueryBatch, QueryBatches
from llm_encoders.distill_query.health import CollapseMonitor, collapse_of, collapse_sentence
from llm_encoders.distill_query.losses import Distilled
from llm_encoders.distill_query.objective import HeldOutFigures, Objective
from llm_encoders.distill_query.recipe.recipe import DistillRecipe
from llm_encoders.distill_query.students import Student
from llm_encoders.encoding.batching import length_sorted, pad
from llm_encoders.errors import UsageError
from llm_encoders.train import gradient_cache
from llm_encoders.train.base_trainer import BaseTrainer
from llm_encoders.train.gather import from_first, gather_rows, processes, rank
from llm_encoders.train.health import Collapse, require_finite
from llm_encoders.train.objective import total
from llm_encoders.train.regularisers.ramp import ramp

_BLOCK = 256  # queries that are evaluated together
_TOKENS = 16384


class DistillationTrainer(BaseTrainer):
    """Trains a :class:`llm_encoders.distill_query.students.Student` by a recipe."""

    trained: Student

    def __init__(
        self,
        student: Student,
        args: TrainingArguments,
        batches: QueryBatches,
        recipe: DistillRecipe,
        held_out: np.ndarray,
    ) -> None:
        """See :class:`BaseTrainer`.

        Args:
            student: what is trained.
            args: training arguments.
            batches: of the queries that are trained on.
            recipe: what it is trained by.
            held_out: numbers of the queries that choose the checkpoint; may be empty.
        """
        super().__init__(
            student,
            args,
            batches,
            lambda folder, tensors: student.save_weights(folder),
            recipe.saving.keep,
            eval_dataset=[held_out] if len(held_out) else None,
            epoch_steps=len(batches.rows) / recipe.schedule.queries,
            batch_size=recipe.schedule.queries,
        )
        if self.sharded:
            raise UsageError(
                "trainer: a student fits on one device; FSDP and DeepSpeed have no use here. Leave "
                "them out."
            )
        self.recipe, self.held_out = recipe, held_out
        self.material: Material = batches.material
        self._rows = batches.rows
        strength = recipe.regularisation
        self.objective: Objective = Objective(recipe.losses.chosen, strength.queries)
        self.ramp_steps = round(strength.ramp * args.max_steps)
        sparse = student.contract.paradigm == "sparse"
        assert student.contract.temperature is not None
        self._temperature = student.contract.temperature
        self.monitor = CollapseMonitor(sparse, recipe.health)
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def training_step(  # type: ignore[override]
        self, model: Any, inputs: QueryBatch, num_items_in_batch: Any = None
    ) -> Tensor:
        """Forward and backward of one batch; the loss is that of all processes' queries."""
        model.train()
        device = self.args.device

        def loss_of(vectors: Tensor) -> Tensor:
            with torch.autocast(device.type, enabled=False):
                queries = gather_rows(vectors.float(), inputs.counts)
                strength = ramp(self.state.global_step + 1, self.ramp_steps)
                parts = self.objective.parts(self._distilled(queries, inputs), strength)
                self._note(parts, queries.detach())
                return total(parts)

        # Data parallelism averages gradients over processes; their sum is meant.
        return gradient_cache.step(
            model,
            inputs.queries,
            loss_of,
            lambda value: self.backward(value * processes()),
            max_tokens=self.recipe.schedule.chunk_tokens,
            device=device,
            no_sync=lambda: self.last_or_no_sync(model, False),
        )

    def _distilled(self, queries: Tensor, batch: QueryBatch) -> Distilled:
        """What the losses see of a batch, given the student's vectors of all its queries."""
        device = self.args.device
        candidates = None if batch.candidates is None else batch.candidates.to(device)
        return Distilled(queries, batch.teacher.to(device), candidates, self._temperature)

    @torch.no_grad()
    def _note(self, parts: Any, queries: Tensor) -> None:
        step = self.state.global_step + 1
        values = {part.name: part.value.detach() for part in parts}
        require_finite(total(parts), {name: float(value) for name, value in values.items()}, step)
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value
        if self.monitor.sparse:
            terms = (queries > 0).sum(1).float().mean()
            self._sums["query_terms"] = self._sums.get("query_terms", 0 * terms) + terms
        self._count += 1
        self.monitor.observe(queries, step)

    def floating_point_ops(self, inputs: QueryBatch) -> float:  # type: ignore[override]
        """Operations of this process's queries."""
        return self.trained.operations(self.token_counts(inputs))

    def token_counts(self, inputs: QueryBatch) -> list[int]:
        """See :class:`BaseTrainer`."""
        return [len(ids) for ids in inputs.queries]

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the parts of the objective, and the cost so far."""
        if "loss" in logs and self._count:
            logs |= {name: float(value) / self._count for name, value in self._sums.items()}
            self._sums, self._count = {}, 0
            if self.objective.regularisation:
                logs["ramp"] = ramp(self.state.global_step, self.ramp_steps)
        super().log(logs, start_time)

    def evaluate(self, *arguments: Any, **options: Any) -> dict[str, float]:
        """Figures of the queries that are held out."""
        figures: dict[str, float] = {}
        if rank() == 0:
            figures = {f"eval_{name}": value for name, value in self.figures().items()}
        figures = from_first(figures, self.args.device)
        self.log(dict(figures))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, figures
        )
        return figures

    @torch.no_grad()
    def figures(self) -> dict[str, float]:
        """Of the present weights; see :class:`HeldOutFigures`."""
        found = HeldOutFigures(self.objective)
        for number, first in enumerate(range(0, len(self.held_out), _BLOCK)):
            rows = self.held_out[first : first + _BLOCK].tolist()
            batch = self.material.batch(rows, [self.recipe.schedule.seed, 7, number])
            found.add(self._distilled(self._vectors(batch.queries), batch))
        return found.figures()

    def _vectors(self, queries: list[list[int]]) -> Tensor:
        """Vectors of queries by the present weights, without dropout, rows in order."""
        device = self.args.device
        self.trained.eval()
        vectors: list[Tensor | None] = [None] * len(queries)
        for rows in length_sorted([len(ids) for ids in queries], _BLOCK, _TOKENS):
            batch = pad(queries, rows, "right")
            with self.compute_loss_context_manager():
                found = self.trained(
                    batch.token_ids.to(device),
                    batch.attention_mask.to(device),
                    batch.unpooled.to(device),
                )
            for row, vector in zip(rows, found.float(), strict=True):
                vectors[row] = vector
        return torch.stack([one for one in vectors if one is not None])

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        better = super()._determine_best_metric(metrics, trial)
        if better:  # the best must be on disk
            self.control.should_save = True
        return better

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self.trained.load_weights(Path(resume_from_checkpoint))

    @torch.no_grad()
    def require_sound(self) -> None:
        """Refuse a student that has collapsed, before it is published.

        Raises:
            Collapse: says what may help.
        """
        if self.recipe.health.collapse != "stop":
            return
        rows = self.held_out if len(self.held_out) > 1 else self._rows
        texts = self.material.texts(rows[:_BLOCK].tolist())
        vectors = self._vectors(self.trained.query_token_ids(texts))
        if (found := collapse_of(vectors, self.monitor.sparse)) is not None:
            raise Collapse(collapse_sentence("After training,", found))

    def scores(self) -> dict[str, dict[str, float]]:
        """See :class:`BaseTrainer`."""
        if not len(self.held_out):
            return {}
        for line in self.state.log_history:
            if line.get("step") == self.published_step():
                figures = {key: value for key, value in line.items() if key.startswith("eval_")}
                if figures:
                    return {
                        "held-out": {
                            key.removeprefix("eval_"): value for key, value in figures.items()
                        }
                    }
        return {}
