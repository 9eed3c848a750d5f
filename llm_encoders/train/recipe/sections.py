"""The sections of a recipe, with their defaults."""

from dataclasses import dataclass


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
    ``mntp`` and ``clm``: passages."""
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
    """Queries of an optimiser step, over all processes (``mntp``, ``clm``: passages)."""
    steps: int | None = None
    epochs: float | None = None
    """Passes over the queries, in place of ``steps``."""
    warmup: float = 0.04
    """Share of the steps with a linearly rising rate; it falls linearly after."""
    candidates: int | None = None
    """Passages that the contrastive loss compares a query with; ``None`` for all of the step."""
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
class Clm:
    """Next-token prediction from the logits and, again, from log1p(relu(logits)), so that the
    terms of a causal backbone do not die in sparse fine-tuning (CSPLADE, arXiv 2504.10816).

    The logits of every token are held, twice: with a large vocabulary lower
    ``schedule.chunk_tokens``."""

    max_length: int = 512
    """Tokens of a passage."""


@dataclass(frozen=True)
class Card:
    """What the model card says beyond what the run knows."""

    licence: str = ""
    """Of the weights, an identifier such as ``apache-2.0``."""
    data_licence: str = ""
    citation: str = ""
