"""The sections of a recipe that several stages share: their keys, defaults and meaning."""

from dataclasses import dataclass, make_dataclass
from typing import TYPE_CHECKING

from llm_encoders.evaluation.measures import HIGHER_IS_BETTER
from llm_encoders.jobs.arguments import LARGEST, LARGEST_SEED
from llm_encoders.train.losses import LOSSES, title_prediction
from llm_encoders.train.recipe.options import LONGEST, option
from llm_encoders.train.regularisers import REGULARISERS

METRICS = tuple(HIGHER_IS_BETTER)
LOSS_SCALINGS = ("exact", "reference")
RAMP_UNITS = ("step", "micro-batch")
HELD_OUT = "held-out"
"""What training queries that are held out are called, in place of a split."""
COLLAPSE = ("stop", "warn", "off")
TIED, ADAPTERS, BACKBONES = TOWERS = ("tied", "adapters", "backbones")
_LARGEST_BATCH = 1_000_000


@dataclass(frozen=True)
class Adapter:
    """A new adapter: low-rank adaptation (arXiv 2106.09685).

    The defaults are those of arXiv 2502.15526.
    """

    rank: int = option(16, "Rank of the adapter's matrices.", least=1, most=65_536)
    alpha: int = option(32, "The adapter's product is scaled by alpha / rank.", least=1)
    dropout: float = option(0.05, "Dropout in front of the adapter.", least=0, below=1)
    targets: str | list[str] = option(
        "all-linear",
        "Names of the linear layers that are adapted; all-linear stands for all but the LM head.",
    )


if TYPE_CHECKING:

    @dataclass(frozen=True)
    class _LossWeights:
        """A weight a loss, under its name."""
else:
    _LossWeights = make_dataclass(
        "_LossWeights",
        [
            (name, float, option(0.0, f"Weight: {loss.equation}. {loss.citation}.", least=0))
            for name, loss in LOSSES.items()
        ],
        frozen=True,
    )


@dataclass(frozen=True)
class ObjectiveWeights(_LossWeights):
    """The weights of the ranking losses, and how they are computed."""

    title_prediction: float = option(
        0.0,
        f"Weight of an auxiliary loss: {title_prediction.EQUATION}. {title_prediction.CITATION}.",
        least=0,
    )
    teacher_temperature: float = option(
        1.0, "Divisor of the teacher's scores, for losses that learn from one.", above=0
    )
    loss_scaling: str = option(
        "exact",
        "exact: gradients do not depend on the number of processes. reference: terms over the "
        "whole batch count 1/processes, as in the code released with arXiv 2502.15526.",
        choices=LOSS_SCALINGS,
    )

    @property
    def losses(self) -> dict[str, float]:
        """The losses that have a weight."""
        weights = {name: getattr(self, name) for name in LOSSES}
        return {name: weight for name, weight in weights.items() if weight}

    @property
    def in_batch(self) -> bool:
        """Whether a loss compares a query with in-batch and random negatives."""
        return any(LOSSES[name].in_batch for name in self.losses)

    @property
    def needs_teacher(self) -> bool:
        """Whether a loss needs teacher scores."""
        return any(LOSSES[name].needs_teacher for name in self.losses)


@dataclass(frozen=True)
class Regularisation:
    """Sparsity regularisation, for sparse encoders only."""

    kind: str = option("flops", "The regulariser.", choices=tuple(REGULARISERS))
    queries: float = option(0.0, "Weight for queries (λq).", least=0)
    passages: float = option(0.0, "Weight for passages (λp).", least=0)
    ramp: float = option(
        1 / 3,
        "Share of the optimiser steps over which the weight rises, quadratically, to its full "
        "value.",
        least=0,
        most=1,
    )
    ramp_unit: str = option(
        "step",
        "What the ramp counts. micro-batch: parts of a step (schedule.accumulation), as in the "
        "code released with arXiv 2502.15526, so that the full weight is reached that much sooner.",
        choices=RAMP_UNITS,
    )


@dataclass(frozen=True)
class Data:
    """What is trained on. Paths are relative to the current folder."""

    train: str = option(
        meaning="Queries with their passages: JSONL, TSV, a folder in BEIR layout, or "
        "hf:ORGANISATION/NAME. For the stages mntp and clm: passages.",
        filled=True,
        path=True,
    )
    corpus: str | None = option(
        None, "The passages that 'train' names by id.", filled=True, path=True
    )
    split: str = option("train", "Which judgements of a folder in BEIR layout.", filled=True)
    on_error: str = option(
        "stop",
        "What to do at a faulty document, such as an empty one: stop, or skip it. Skipped "
        "documents are listed in OUTPUT/skipped.txt (corpus) and OUTPUT/skipped_evaluation.txt "
        "(collections of 'evaluation').",
        choices=("stop", "skip"),
    )
    negatives: int = option(
        16,
        "At most this many hard negatives a query, drawn again in every epoch.",
        least=0,
        most=_LARGEST_BATCH,
    )
    random_negatives: int = option(
        0,
        "Passages drawn at random from all there are, anew for every step, with which all its "
        "queries are compared. With negatives: 0, 256 of them are the setting of arXiv 2403.18684.",
        least=0,
        most=_LARGEST_BATCH,
    )
    in_batch_negatives: bool | None = option(
        None,
        "Whether a query is compared with the passages of other queries, too. null: where there "
        "are no random_negatives.",
    )
    exclude_known_positives: bool = option(
        True,
        "Whether passages that are relevant to a query in any record, and others of the same text, "
        "are left out of its negatives. false: they count as negatives, as in the code released "
        "with arXiv 2502.15526.",
    )
    query_max_length: int | None = option(
        None,
        "Tokens of a query in training, where it is not the encoder's query_max_length.",
        least=2,
        most=LONGEST,
    )
    passage_max_length: int | None = option(
        None,
        "Tokens of a passage in training, where it is not the encoder's passage_max_length.",
        least=2,
        most=LONGEST,
    )

    @property
    def in_batch(self) -> bool:
        """Whether a query is compared with the passages of other queries."""
        if self.in_batch_negatives is None:
            return self.random_negatives == 0
        return self.in_batch_negatives


@dataclass(frozen=True)
class Schedule:
    """How long and how fast."""

    learning_rate: float = option(1e-4, "The highest learning rate.", above=0)
    queries: int = option(
        128,
        "Batch size: queries of an optimiser step, over all processes (clm: passages; mntp: rows).",
        least=1,
        most=_LARGEST_BATCH,
    )
    steps: int | None = option(None, "Optimiser steps.", least=1)
    epochs: float | None = option(
        None, "Epochs (passes over the queries), in place of steps.", above=0
    )
    warmup: float = option(
        0.04,
        "Share of the steps with a linearly rising learning rate; it falls linearly after.",
        least=0,
        most=1,
    )
    candidates: int | None = option(
        None,
        "Passages that a query is compared with: its own and in-batch negatives. null for all of "
        "the step.",
        least=1,
        most=LARGEST,
    )
    accumulation: int = option(
        1,
        "Parts of an optimiser step; queries are compared with passages of their part only, and "
        "random_negatives are drawn for every part.",
        least=1,
        most=_LARGEST_BATCH,
    )
    chunk_tokens: int | None = option(
        16384,
        "Padded tokens that pass through the model together; it bounds memory and changes neither "
        "loss nor gradients. null for all at once.",
        least=1,
    )
    seed: int = option(
        42, "Seed of everything that is drawn at random.", least=0, most=LARGEST_SEED
    )


@dataclass(frozen=True)
class Budget:
    """Compute budget, in place of schedule.steps."""

    training_flops: float = option(
        meaning="Floating-point operations of the run; they give the number of steps.", above=0
    )


@dataclass(frozen=True)
class Evaluation:
    """Evaluation while training, which chooses the checkpoint that is published, and at the end.

    The checkpoint is chosen on a split of the collections that is for development, or on training
    queries that are held out. Figures to report come from another split.
    """

    collections: list[str] = option(list, "Folders in BEIR layout.", filled=True, path=True)
    split: str = option(
        "dev", "Which judgements of the collections choose the checkpoint; never test.", filled=True
    )
    held_out: int | None = option(
        None,
        "Number of training queries that are held out to choose the checkpoint, in place of "
        "'split'. They are searched in at most 20,000 passages, their own among them.",
        least=1,
        most=_LARGEST_BATCH,
    )
    report: list[str] = option(
        list,
        "Splits of the collections on which the chosen checkpoint is evaluated, once, at the end, "
        "such as test.",
        filled=True,
    )
    every: int | None = option(None, "Steps between evaluations; null for the end only.", least=1)
    at_start: bool = option(
        False,
        "Evaluate the weights that training begins with, too, for the log; they are never "
        "published.",
    )
    metric: str = option(
        "ndcg@10",
        "Its mean over the collections chooses the checkpoint: the highest, but of "
        "contrastive_entropy, which has 10 draws of 256 random negatives, the lowest.",
        choices=METRICS,
    )

    @property
    def chooser(self) -> str:
        """What the checkpoint is chosen on, as figures and cards name it."""
        return HELD_OUT if self.held_out is not None else self.split


@dataclass(frozen=True)
class Saving:
    """What is written and when."""

    every: int = option(500, "Steps between checkpoints.", least=1)
    keep: int = option(2, "Checkpoints that are kept, besides the best.", least=1)
    merged: bool = option(
        False, "Write whole weights with the adapter merged into them, instead of the adapter."
    )


@dataclass(frozen=True)
class Health:
    """The check for collapse of sparse encoders: all vectors empty, or all nearly full."""

    collapse: str = option(
        "stop", "What a collapse does: stop the run, warn once, or off.", choices=COLLAPSE
    )
    patience: int = option(10, "Steps in a row that count as a collapse.", least=1)


@dataclass(frozen=True)
class Card:
    """What the model card says beyond what the run knows."""

    licence: str = option("", "Licence of the weights: an identifier such as apache-2.0.")
    data_licence: str = option("", "Licence of the training data.")
    citation: str = option("", "How to cite the encoder.")
