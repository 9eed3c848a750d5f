"""Recipes: everything a training run depends on. :mod:`recipe_file` reads them."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import yaml

from llm_encoders.config import EncoderConfig
from llm_encoders.train.recipe.checks import check
from llm_encoders.train.recipe.sections import (
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
        check(self)

    @property
    def adapted(self) -> bool:
        """Whether an adapter is trained, and not all weights."""
        return self.adapter is not None or self.start_from is not None

    @property
    def needs_scores(self) -> bool:
        """Whether the objective needs teacher scores."""
        return bool(self.objective.kl or self.objective.margin_mse)

    @property
    def needs_negatives(self) -> bool:
        """Whether no ranking loss is left of a query without negatives."""
        return self.needs_scores and not self.objective.contrastive

    def to_yaml(self) -> str:
        """The recipe with all its defaults."""
        return yaml.safe_dump(dataclasses.asdict(self), sort_keys=False)
