"""The recipe of a query tower; :func:`llm_encoders.train.recipe.file.read_recipe` reads it."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import yaml

from llm_encoders.devices import DTYPES
from llm_encoders.distill_query.recipe.checks import check
from llm_encoders.distill_query.recipe.sections import (
    Candidates,
    Health,
    LossWeights,
    Queries,
    Regularisation,
    Saving,
    Schedule,
    Student,
)
from llm_encoders.train.recipe.options import option
from llm_encoders.train.recipe.sections import Card


@dataclass(frozen=True, kw_only=True)
class DistillRecipe:
    """A distillation. ``python -m llm_encoders.distill_query --help`` lists its keys."""

    teacher: str = option(
        meaning="Encoder whose queries are imitated: a name, folder or Hub id, options in writing "
        "as for --encoder. Its passages, and their index, stay as they are.",
        filled=True,
        path=True,
    )
    output: str = option(
        meaning="Folder of the finished student and of the checkpoints.", path=True
    )
    student: Student
    queries: Queries = option(Queries)
    candidates: Candidates | None = option(None)
    encoder: dict[str, Any] = option(
        dict,
        "Keys of the student's encode contract (encoder_config.json) that are not the teacher's, "
        "such as query_max_length or pooling.",
    )
    losses: LossWeights = option(LossWeights)
    regularisation: Regularisation = option(Regularisation)
    schedule: Schedule = option(Schedule)
    held_out: float = option(
        0.05,
        "Share of the queries that is held out of training, on which the checkpoint is chosen by "
        "its distillation loss; 0 publishes the last.",
        least=0,
        below=1,
    )
    saving: Saving = option(Saving)
    health: Health = option(Health)
    card: Card = option(Card)
    dtype: str | None = option(
        None,
        "Number format of the computation and of frozen weights; null for bfloat16 on a CUDA GPU, "
        "or float16 where it lacks that, and float32 elsewhere. The teacher computes in that of "
        "its own options in writing.",
        choices=tuple(DTYPES),
    )
    device: str | None = option(None, "cpu, cuda or mps; null for the best there is.")
    trainer: dict[str, Any] = option(
        dict, "Further arguments of transformers.TrainingArguments, e.g. report_to, optim."
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def trains(self) -> bool:
        """Whether there is anything to train, and not only a table to write."""
        return self.schedule.steps != 0

    def to_yaml(self) -> str:
        """The recipe with all its defaults."""
        return yaml.safe_dump(dataclasses.asdict(self), sort_keys=False)
