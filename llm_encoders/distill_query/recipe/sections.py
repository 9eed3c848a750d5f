"""The sections of a recipe: their keys, defaults and meaning."""

from dataclasses import dataclass, make_dataclass
from typing import TYPE_CHECKING

from llm_encoders.distill_query.losses import LOSSES
from llm_encoders.jobs.arguments import LARGEST_SEED
from llm_encoders.train.recipe.options import option
from llm_encoders.train.recipe.sections import COLLAPSE, Adapter

STUDENT_KINDS = ("transformer", "layers", "lookup")
WHICH = ("first", "every")
INITIAL = ("idf", "teacher", "counts", "ones")
QUERY_KINDS = ("queries", "titles", "crops")
_LARGEST_BATCH = 1_000_000
_LARGEST_SIZE = 65_536


@dataclass(frozen=True)
class Size:
    """A small transformer that is trained from scratch, with the teacher's tokenizer.

    For dense teachers it is BERT's architecture, for sparse ones Llama's with attention in both
    directions, whose LM head has the teacher's vocabulary.
    """

    layers: int = option(2, "Layers.", least=1, most=1000)
    hidden: int = option(128, "Width of the hidden states.", least=1, most=_LARGEST_SIZE)
    heads: int = option(2, "Attention heads; they divide the width.", least=1, most=1024)
    intermediate: int = option(
        512, "Width of the feed-forward layers.", least=1, most=4 * _LARGEST_SIZE
    )


@dataclass(frozen=True)
class Student:
    """The query tower that is trained. Keys of other kinds than its own are refused."""

    kind: str = option(
        meaning="transformer: a small model, from a folder or from scratch. layers: the teacher "
        "with fewer layers. lookup: a weight or vector a token, no transformer.",
        choices=STUDENT_KINDS,
    )
    backbone: str | None = option(
        None,
        "transformer: Hub id or folder of a model (AutoModel) with its tokenizer.",
        filled=True,
        path=True,
    )
    size: Size | None = option(None, "transformer: a model from scratch, in place of 'backbone'.")
    layers: int | None = option(None, "layers: how many of the teacher's are kept.", least=1)
    which: str | None = option(
        None,
        "layers: the first, or every k-th as DistilBERT (arXiv 1910.01108) takes them: layer "
        "floor(i L / k) of L for each of the k that are kept. null: first.",
        choices=WHICH,
    )
    adapter: Adapter | None = option(
        None,
        "transformer with a backbone, layers: an adapter is trained in place of all weights, and "
        "merged at the end.",
    )
    initial: str | None = option(
        None, "lookup: what the table begins with. null: teacher.", choices=INITIAL
    )
    corpus: str | None = option(
        None,
        "lookup: the documents of which idf is counted, with 'initial: idf'.",
        filled=True,
        path=True,
    )
    counts: bool | None = option(
        None, "lookup, sparse: multiply a weight by how often the query has the token. null: false."
    )


@dataclass(frozen=True)
class Queries:
    """The texts that are distilled on. They carry no relevance labels."""

    source: str | None = option(
        None,
        "JSONL with 'text' or 'query' and an id, TSV of id and text, plain text of a query a line, "
        "or a folder in BEIR layout. For titles and crops: a corpus.",
        filled=True,
        path=True,
    )
    kind: str = option(
        "queries",
        "queries: as they are. titles: titles of a corpus's documents. crops: spans of its texts, "
        "as pseudo-queries (inverse cloze task, arXiv 1906.00300; cropping, arXiv 2112.09118).",
        choices=QUERY_KINDS,
    )
    split: str | None = option(
        None,
        "Folder in BEIR layout: the queries that this split judges. null: all but those that the "
        "split test judges.",
        filled=True,
    )
    limit: int | None = option(None, "At most this many, drawn at random by the seed.", least=1)
    crops: int = option(1, "crops: spans a document.", least=1, most=1000)
    least_words: int = option(3, "crops: the fewest words of a span.", least=1, most=1000)
    most_words: int = option(12, "crops: the most words of a span.", least=1, most=1000)


@dataclass(frozen=True)
class Candidates:
    """Passages of queries: with scores to imitate, for MarginMSE, or labels, for the contrastive
    loss."""

    source: str = option(
        meaning="Records as 'python -m llm_encoders.score' writes them, or any training data with "
        "scores; for the contrastive loss any training data, such as a folder in BEIR layout. "
        "Where 'queries' has no source, its queries are distilled on.",
        filled=True,
        path=True,
    )
    corpus: str | None = option(
        None, "The passages that the records name by id.", filled=True, path=True
    )
    negatives: int = option(
        16, "At most this many negatives a query, drawn again in every epoch.", least=0
    )


if TYPE_CHECKING:

    @dataclass(frozen=True)
    class _LossWeights:
        """A weight a loss, under its name."""
else:
    _LossWeights = make_dataclass(
        "_LossWeights",
        [
            (
                name,
                float,
                option(
                    0.0,
                    f"Weight ({' or '.join(loss.paradigms)}): {loss.equation}. {loss.citation}.",
                    least=0,
                ),
            )
            for name, loss in LOSSES.items()
        ],
        frozen=True,
    )


@dataclass(frozen=True)
class LossWeights(_LossWeights):
    """The weights of the losses. ScalingNote's are mse: 1 and cosine: 1 (arXiv 2411.15766)."""

    @property
    def chosen(self) -> dict[str, float]:
        """The losses that have a weight."""
        weights = {name: getattr(self, name) for name in LOSSES}
        return {name: weight for name, weight in weights.items() if weight}

    @property
    def needs_candidates(self) -> bool:
        """Whether a loss needs mined passages."""
        return any(LOSSES[name].needs_candidates for name in self.chosen)

    @property
    def needs_scores(self) -> bool:
        """Whether a loss needs scores of mined passages."""
        return any(LOSSES[name].needs_scores for name in self.chosen)


@dataclass(frozen=True)
class Regularisation:
    """Sparsity regularisation of a sparse student."""

    queries: float = option(0.0, "Weight of FLOPS (arXiv 2004.05665) on its queries.", least=0)
    ramp: float = option(
        1 / 3,
        "Share of the optimiser steps over which the weight rises, quadratically, to its full "
        "value.",
        least=0,
        most=1,
    )


@dataclass(frozen=True)
class Schedule:
    """How long and how fast."""

    learning_rate: float = option(1e-4, "The highest learning rate.", above=0)
    queries: int = option(
        128,
        "Batch size: queries of an optimiser step, over all processes.",
        least=1,
        most=_LARGEST_BATCH,
    )
    steps: int | None = option(
        None, "Optimiser steps; 0 writes a lookup table as it begins, without training.", least=0
    )
    epochs: float | None = option(
        None, "Epochs (passes over the queries), in place of steps.", above=0
    )
    warmup: float = option(
        0.04,
        "Share of the steps with a linearly rising learning rate; it falls linearly after.",
        least=0,
        most=1,
    )
    chunk_tokens: int | None = option(
        16384,
        "Padded tokens that pass through the student together; it bounds memory and changes "
        "neither loss nor gradients. null for all at once.",
        least=1,
    )
    seed: int = option(
        42, "Seed of everything that is drawn at random.", least=0, most=LARGEST_SEED
    )

    @property
    def accumulation(self) -> int:
        """Parts of an optimiser step; ``chunk_tokens`` bounds memory without any."""
        return 1


@dataclass(frozen=True)
class Health:
    """The check for collapse: queries that cannot be told apart, or have no term."""

    collapse: str = option(
        "stop", "What a collapse does: stop the run, warn once, or off.", choices=COLLAPSE
    )
    patience: int = option(10, "Steps in a row that count as a collapse.", least=1)


@dataclass(frozen=True)
class Saving:
    """What is written and when."""

    every: int = option(
        500,
        "Steps between checkpoints. Each is evaluated on the queries that are held out.",
        least=1,
    )
    keep: int = option(2, "Checkpoints that are kept, besides the best.", least=1)
