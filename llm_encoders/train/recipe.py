"""Recipes: everything a training run depends on. :mod:`recipe_file` reads them."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import yaml

from llm_encoders.config import EncoderConfig
from llm_encoders.errors import UsageError, nearest
from llm_encoders.train.recipe_sections import (
    Adapter,
    Budget,
    Card,
    Clm,
    Data,
    Evaluation,
    Mntp,
    ObjectiveWeights,
    Regularisation,
    Saving,
    Schedule,
)
from llm_encoders.train.regularisers import REGULARISERS

STAGES = ("clm", "mntp", "fine-tune")
METRICS = ("ndcg@10", "mrr@10", "recall@100", "contrastive_entropy")
LOSS_SCALINGS = ("exact", "reference")


@dataclass(frozen=True)
class Recipe:
    """A training run. See ``python -m llm_encoders.train --help`` for how it is written."""

    backbone: str
    """Hub id or folder of the language model."""
    output: str
    """Folder of the finished encoder and of the checkpoints."""
    data: Data
    stage: str = "fine-tune"
    adapter: Adapter | None = field(default_factory=Adapter)
    """A new adapter; ``null`` trains all weights."""
    start_from: str | None = None
    """Folder or Hub id of an adapter that training goes on with, such as that of ``mntp`` or
    ``clm``, in place of a new one."""
    encoder: EncoderConfig | None = None
    """The encode contract, written into the finished encoder."""
    objective: ObjectiveWeights = field(default_factory=ObjectiveWeights)
    regularisation: Regularisation = field(default_factory=Regularisation)
    schedule: Schedule = field(default_factory=Schedule)
    budget: Budget | None = None
    mntp: Mntp = field(default_factory=Mntp)
    """Of the stage ``mntp``."""
    clm: Clm = field(default_factory=Clm)
    """Of the stage ``clm``."""
    evaluation: Evaluation | None = None
    saving: Saving = field(default_factory=Saving)
    card: Card = field(default_factory=Card)
    quantization: str | None = None
    """``4bit`` or ``8bit`` frozen weights."""
    dtype: str | None = None
    """Of the frozen weights and of the computation; default bfloat16 on a GPU, else float32."""
    device: str | None = None
    attention_implementation: str | None = None
    trainer: dict[str, Any] = field(default_factory=dict)
    """Further arguments of ``transformers.TrainingArguments``, e.g. ``fsdp``, ``deepspeed``,
    ``gradient_checkpointing``, ``report_to``, ``optim``."""

    def __post_init__(self) -> None:
        _choice("stage", self.stage, STAGES)
        _choice("regularisation.kind", self.regularisation.kind, REGULARISERS)
        _choice("objective.loss_scaling", self.objective.loss_scaling, LOSS_SCALINGS)
        given = [
            name
            for name, value in (
                ("schedule.steps", self.schedule.steps),
                ("schedule.epochs", self.schedule.epochs),
                ("budget", self.budget),
            )
            if value is not None
        ]
        if len(given) != 1:
            raise UsageError(
                "give exactly one of schedule.steps, schedule.epochs and budget; there "
                f"{'is none' if not given else 'are ' + ' and '.join(given)}."
            )
        if self.budget is not None and not 0 < self.budget.training_flops < math.inf:
            raise UsageError(
                f"budget.training_flops is {self.budget.training_flops:g}; give a positive number "
                "of floating-point operations."
            )
        for name, value, least in (
            ("schedule.steps", self.schedule.steps, 1),
            ("schedule.queries", self.schedule.queries, 1),
            ("schedule.accumulation", self.schedule.accumulation, 1),
            ("data.negatives", self.data.negatives, 0),
            ("saving.every", self.saving.every, 1),
            ("saving.keep", self.saving.keep, 1),
            ("evaluation.every", self.evaluation and self.evaluation.every, 1),
            ("mntp.max_length", self.mntp.max_length, 2),
            ("clm.max_length", self.clm.max_length, 2),
        ):
            if value is not None and value < least:
                raise UsageError(f"{name} is {value}; give at least {least}.")
        least_candidates = 1 + self.data.negatives
        if self.schedule.candidates is not None and self.schedule.candidates < least_candidates:
            raise UsageError(
                f"schedule.candidates is {self.schedule.candidates}; a query's own passages are "
                f"{least_candidates}, so give at least that."
            )
        for name, value in (
            ("schedule.warmup", self.schedule.warmup),
            ("regularisation.ramp", self.regularisation.ramp),
        ):
            if not 0 <= value <= 1:
                raise UsageError(f"{name} is {value:g}; give a share between 0 and 1.")
        for name in ("contrastive", "kl", "margin_mse"):
            if getattr(self.objective, name) < 0:
                raise UsageError(f"objective.{name} is negative; give a weight of at least 0.")
        if self.start_from is not None and self.adapter is not None:
            raise UsageError(
                "start_from goes on with the adapter it names, rank and dropout included; leave "
                "'adapter' out."
            )
        if self.schedule.queries % self.schedule.accumulation:
            raise UsageError(
                f"schedule.queries ({self.schedule.queries}) is no multiple of "
                f"schedule.accumulation ({self.schedule.accumulation})."
            )
        if not 0 < self.mntp.share < 1:
            raise UsageError(f"mntp.share is {self.mntp.share}; give a number between 0 and 1.")
        for stage, given in (("mntp", self.mntp != Mntp()), ("clm", self.clm != Clm())):
            if given and self.stage != stage:
                raise UsageError(f"'{stage}' belongs to the stage {stage}; this is {self.stage}.")
        if self.stage == "fine-tune":
            self._check_fine_tuning()
        else:
            self._check_language_modelling()

    def _check_fine_tuning(self) -> None:
        if self.encoder is None:
            raise UsageError("'encoder' is missing; write at least 'paradigm: sparse' or 'dense'.")
        weights = self.objective
        if not (weights.contrastive or weights.kl or weights.margin_mse):
            raise UsageError(
                "objective has no loss; give a weight to contrastive, kl or margin_mse."
            )
        if (weights.kl or weights.margin_mse) and self.data.negatives == 0:
            raise UsageError("kl and margin_mse compare a query's own passages; give negatives.")
        if self.evaluation is not None:
            _choice("evaluation.metric", self.evaluation.metric, METRICS)
            if not self.evaluation.collections:
                raise UsageError("evaluation.collections is empty; name a folder in BEIR layout.")
        strength = self.regularisation
        if self.encoder.paradigm == "dense" and (strength.queries or strength.passages):
            raise UsageError("regularisation is for sparse encoders; this one is dense.")

    def _check_language_modelling(self) -> None:
        ignored = {
            "encoder": self.encoder is not None,
            "evaluation": self.evaluation is not None,
            "objective": self.objective != ObjectiveWeights(),
            "regularisation": self.regularisation != Regularisation(),
            "schedule.candidates": self.schedule.candidates is not None,
            "data": self.data != Data(self.data.train),
        }
        for name, given in ignored.items():
            if given:
                more = " (but for data.train)" if name == "data" else ""
                raise UsageError(
                    f"the stage {self.stage} has no use for '{name}'{more}; leave it out."
                )

    @property
    def needs_scores(self) -> bool:
        """Whether the objective needs teacher scores."""
        return bool(self.objective.kl or self.objective.margin_mse)

    def to_yaml(self) -> str:
        """The recipe with all its defaults."""
        return yaml.safe_dump(dataclasses.asdict(self), sort_keys=False)


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(
            f"{name} is '{value}'; choose one of {', '.join(choices)}.{nearest(value, choices)}"
        )
