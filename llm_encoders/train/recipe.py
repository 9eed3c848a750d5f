"""Recipes: everything a training run depends on, in one YAML file that is read strictly."""

import dataclasses
import math
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from llm_encoders.config import EncoderConfig
from llm_encoders.errors import UsageError, nearest
from llm_encoders.train.regularisers import REGULARISERS

STAGES = ("mntp", "fine-tune")
METRICS = ("ndcg@10", "mrr@10", "recall@100", "contrastive_entropy")
LOSS_SCALINGS = ("exact", "reference")


@dataclass(frozen=True)
class Adapter:
    """Low-rank adaptation (arXiv 2106.09685); the defaults are those of arXiv 2502.15526."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    targets: str | list[str] = "all-linear"
    """Names of linear layers, or ``all-linear`` for all but the LM head."""


@dataclass(frozen=True)
class ObjectiveWeights:
    """Weights of the ranking losses; those left out are zero."""

    contrastive: float = 0.0
    kl: float = 0.0
    margin_mse: float = 0.0
    teacher_temperature: float = 1.0
    loss_scaling: str = "exact"
    """``exact``: gradients are those of one process. ``reference``: gathered terms count
    1/processes, as in the code released with arXiv 2502.15526."""


@dataclass(frozen=True)
class Regularisation:
    """Sparsity regularisation; sparse only."""

    kind: str = "flops"
    queries: float = 0.0
    passages: float = 0.0
    ramp: float = 1 / 3
    """Share of the steps after which the full weight is reached, quadratically."""


@dataclass(frozen=True)
class Data:
    """What is trained on; paths are relative to the current folder."""

    train: str
    """Queries with their passages: JSONL, TSV, a BEIR folder, ``hf:ORGANISATION/NAME``. For
    ``mntp``: passages."""
    corpus: str | None = None
    """Passages that ``train`` names by id."""
    split: str = "train"
    """Which qrels of a BEIR folder."""
    negatives: int = 16
    """Hard negatives a query, drawn anew in every pass."""
    query_max_length: int | None = None
    """Tokens of a query in training, where it differs from the contract's."""
    passage_max_length: int | None = None


@dataclass(frozen=True)
class Schedule:
    """How long and how fast."""

    learning_rate: float = 1e-4
    queries: int = 128
    """Queries of an optimiser step, over all processes (for ``mntp``: passages)."""
    steps: int | None = None
    epochs: float | None = None
    """Passes over the queries, in place of ``steps``."""
    warmup: float = 0.04
    """Share of the steps with a linearly rising rate; it falls linearly after."""
    candidates: int | None = None
    """Passages that every query is compared with; ``None`` for all of the step."""
    accumulation: int = 1
    """Parts of a step whose queries are not compared with each other's passages."""
    chunk_tokens: int | None = 16384
    """Padded tokens that pass through the model together, a matter of memory only; ``null`` for
    all at once."""
    seed: int = 42


@dataclass(frozen=True)
class Budget:
    """Compute to spend, in place of ``schedule.steps``."""

    training_flops: float


@dataclass(frozen=True)
class Evaluation:
    """Evaluation on collections in BEIR layout while training."""

    collections: list[str]
    split: str = "test"
    every: int | None = None
    """Steps between evaluations; ``None`` for the end only."""
    at_start: bool = False
    """Evaluate the weights that training begins with, too."""
    metric: str = "ndcg@10"
    """Which one, averaged over collections, chooses the best checkpoint."""


@dataclass(frozen=True)
class Saving:
    """What is written and when."""

    every: int = 500
    """Steps between checkpoints."""
    keep: int = 2
    """Checkpoints that are kept, besides the best."""
    merged: bool = False
    """Write whole weights, adapter merged, instead of the adapter."""


@dataclass(frozen=True)
class Mntp:
    """Masked next-token prediction; the defaults are those of arXiv 2502.15526."""

    mask_token: str = "_"
    """Hides a token; a single token of the vocabulary."""
    share: float = 0.2
    """Probability that a token is to be predicted."""
    max_length: int = 512
    """Tokens of a passage."""


@dataclass(frozen=True)
class Card:
    """What the model card says beyond what the run knows."""

    licence: str = ""
    """Of the weights, an identifier such as ``apache-2.0``."""
    data_licence: str = ""
    citation: str = ""


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
    """Folder or Hub id of an adapter that training goes on with, such as that of ``mntp``, in
    place of a new one."""
    encoder: EncoderConfig | None = None
    """The encode contract, written into the finished encoder."""
    objective: ObjectiveWeights = field(default_factory=ObjectiveWeights)
    regularisation: Regularisation = field(default_factory=Regularisation)
    schedule: Schedule = field(default_factory=Schedule)
    budget: Budget | None = None
    mntp: Mntp = field(default_factory=Mntp)
    """Of the stage ``mntp``."""
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
        if self.stage == "fine-tune":
            self._check_fine_tuning()
        else:
            self._check_mntp()

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
        if self.mntp != Mntp():
            raise UsageError("'mntp' belongs to the stage mntp; this one fine-tunes.")
        strength = self.regularisation
        if self.encoder.paradigm == "dense" and (strength.queries or strength.passages):
            raise UsageError("regularisation is for sparse encoders; this one is dense.")

    def _check_mntp(self) -> None:
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
                raise UsageError(f"the stage mntp has no use for '{name}'{more}; leave it out.")

    @property
    def needs_scores(self) -> bool:
        """Whether the objective needs teacher scores."""
        return bool(self.objective.kl or self.objective.margin_mse)

    def to_yaml(self) -> str:
        """The recipe with all its defaults."""
        return yaml.safe_dump(dataclasses.asdict(self), sort_keys=False)


def load_recipe(path: str | Path, overrides: typing.Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply ``key=value`` overrides, keys dotted, values in YAML.

    Raises:
        UsageError: an unknown key (names the nearest), a value of the wrong type, a contradiction.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read the recipe {path}: {error.strerror}.") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UsageError(f"{path}: expected keys and values.")
    for override in overrides:
        _override(values, override)
    if values.get("start_from") is not None:
        values.setdefault("adapter", None)
    try:
        return _build(Recipe, values, "")
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise UsageError(f"'{override}' is no override; write key=value, e.g. schedule.steps=10.")
    *path, last = key.split(".")
    for part in path:
        inner = values.get(part)
        if inner is None:
            inner = values[part] = {}
        if not isinstance(inner, dict):
            raise UsageError(f"'{override}': '{part}' holds no keys.")
        values = inner
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(f"'{override}': what follows '=' is not valid YAML.") from None


def _build(cls: Any, values: Any, path: str) -> Any:
    """A dataclass of a mapping, recursively."""
    if not isinstance(values, dict):
        raise UsageError(f"'{path.rstrip('.')}' must hold keys and values.")
    if cls is EncoderConfig:
        return EncoderConfig.from_dict(values, path.rstrip("."))
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in hints:
            raise UsageError(f"unknown key '{path}{key}'.{nearest(str(key), hints)}")
    found = {key: _convert(hints[key], value, path + key) for key, value in values.items()}
    for one in dataclasses.fields(cls):
        optional = (
            one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
        )
        if one.name not in values and not optional:
            raise UsageError(f"'{path}{one.name}' is missing.")
    return cls(**found)


def _convert(hint: Any, value: Any, name: str) -> Any:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in options:
        return None
    for option in options:
        if dataclasses.is_dataclass(option):
            return _build(option, value, name + ".")
        plain = typing.get_origin(option) or option
        if plain is float and not isinstance(value, bool):
            try:
                return float(value)  # YAML reads 1e-4 as a string
            except (TypeError, ValueError):
                continue
        if isinstance(value, plain) and (plain is bool or not isinstance(value, bool)):
            return value
    wanted = " or ".join(getattr(option, "__name__", str(option)) for option in options)
    raise UsageError(f"'{name}' is {value!r}; expected {wanted}.")


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(
            f"{name} is '{value}'; choose one of {', '.join(choices)}.{nearest(value, choices)}"
        )
