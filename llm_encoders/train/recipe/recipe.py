"""Recipes: everything a training run depends on. :mod:`..file` reads them."""

import dataclasses
from dataclasses import dataclass, make_dataclass
from typing import TYPE_CHECKING, Any

import yaml

from llm_encoders.config import QUANTIZATIONS, EncoderConfig
from llm_encoders.devices import DTYPES
from llm_encoders.train.recipe.checks import check
from llm_encoders.train.recipe.options import option
from llm_encoders.train.recipe.sections import (
    TIED,
    TOWERS,
    Adapter,
    Budget,
    Card,
    Data,
    Evaluation,
    Health,
    ObjectiveWeights,
    Regularisation,
    Saving,
    Schedule,
)
from llm_encoders.train.stages import STAGES

if TYPE_CHECKING:

    @dataclass(frozen=True, kw_only=True)
    class _StageSections:
        """The sections of the stages, under their names."""

        def __getattr__(self, name: str) -> Any: ...
else:
    _StageSections = make_dataclass(
        "_StageSections",
        [
            (name, stage.section, option(stage.section, f"Of the stage {name}."))
            for name, stage in STAGES.items()
            if stage.section is not None
        ],
        frozen=True,
        kw_only=True,
    )


@dataclass(frozen=True, kw_only=True)
class Recipe(_StageSections):
    """A training run. ``python -m llm_encoders.train --help`` lists its keys."""

    backbone: str = option(
        meaning="Hub id or folder of the language model.", filled=True, path=True
    )
    output: str = option(
        meaning="Folder of the finished encoder and of the checkpoints.", path=True
    )
    data: Data
    stage: str = option("fine-tune", "What kind of training.", choices=tuple(STAGES))
    adapter: Adapter | None = option(Adapter, "A new adapter; null trains all weights.")
    start_from: str | None = option(
        None,
        "Folder or Hub id of an adapter that training continues with, such as that of a run of "
        "the stage mntp or clm, in place of a new one.",
        filled=True,
        path=True,
    )
    encoder: EncoderConfig | None = option(
        None, "The encode contract, written into the finished encoder as encoder_config.json."
    )
    towers: str = option(
        TIED,
        "What encodes queries and what passages. tied: the same weights. adapters: an adapter for "
        "each on one backbone. backbones: a copy of the backbone for each, all of whose weights "
        "are trained. Untied towers begin with the same weights.",
        choices=TOWERS,
    )
    objective: ObjectiveWeights = option(ObjectiveWeights)
    regularisation: Regularisation = option(Regularisation)
    schedule: Schedule = option(Schedule)
    budget: Budget | None = option(None)
    evaluation: Evaluation | None = option(None)
    saving: Saving = option(Saving)
    health: Health = option(Health)
    card: Card = option(Card)
    quantization: str | None = option(
        None, "Quantisation of the frozen weights; null for none.", choices=QUANTIZATIONS
    )
    dtype: str | None = option(
        None,
        "Number format of the frozen weights and of the computation; null for bfloat16 on a CUDA "
        "GPU, or float16 where it lacks that, and float32 elsewhere.",
        choices=tuple(DTYPES),
    )
    device: str | None = option(None, "cpu, cuda or mps; null for the best there is.")
    attention_implementation: str | None = option(None, "As Transformers names them, e.g. sdpa.")
    trainer: dict[str, Any] = option(
        dict,
        "Further arguments of transformers.TrainingArguments, e.g. fsdp, deepspeed, "
        "activation_checkpointing, report_to, optim.",
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def adapted(self) -> bool:
        """Whether an adapter is trained, and not all weights."""
        return self.adapter is not None or self.start_from is not None

    def to_yaml(self) -> str:
        """The recipe with all its defaults, but for the sections of other stages."""
        values = dataclasses.asdict(self)
        own = {key: values.pop(key) for key in STAGES if key in values}
        if self.stage in own:
            values[self.stage] = own[self.stage]
        return yaml.safe_dump(values, sort_keys=False)
