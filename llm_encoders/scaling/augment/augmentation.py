"""What is made of a corpus, and how."""

from dataclasses import dataclass
from typing import NamedTuple

from llm_encoders.data.pseudo_queries.inverse_cloze import REMOVAL

TEMPERATURE = 0.0
BATCH_SIZE = 16
DEPTH = 20


class Kind(NamedTuple):
    """A source of annotations.

    Args:
        summary: what its pairs are, in words.
        without: what a passage that gives no query lacks.
        by_id: whether records name passages of the corpus by id, or else carry them.
        titled: whether passages keep their titles.
    """

    summary: str
    without: str
    by_id: bool = False
    titled: bool = True


GENERATED = "generated"
INVERSE_CLOZE = "inverse-cloze"
TITLES = "titles"
HEADINGS = "headings"
KINDS = {
    INVERSE_CLOZE: Kind("a sentence, and the passage that it stood in", "a second sentence"),
    TITLES: Kind("a title, and the text below it", "a title", titled=False),
    HEADINGS: Kind("a heading in a text, and the section below it", "a heading"),
    GENERATED: Kind(
        "a query that a language model writes for a passage", "a generated query", by_id=True
    ),
}
"""By the name that records carry as ``source``."""


@dataclass(frozen=True)
class Augmentation:
    """Which queries are drawn from a corpus and which of them are kept."""

    kind: str
    """Of :data:`KINDS`."""
    queries_per_passage: int = 1
    """For inverse-cloze and generated: queries of a passage, at most."""
    removal: float = REMOVAL
    """For inverse-cloze: how likely a passage loses the sentence that is its query."""
    with_title: bool = False
    """For headings: whether the query is ``TITLE: HEADING``."""
    limit: int | None = None
    """Passages used, drawn at random from those that can give a query; ``None`` for all."""
    seed: int = 42
    """Of everything that is drawn at random."""
    least_query: int = 3
    """Letters and digits of a query, at least."""
    least_passage: int = 20
    """Letters and digits of a passage, at least."""
    most_passages: int = 10
    """Passages of one query, at most; a query that more passages give says too little of each."""


@dataclass(frozen=True)
class Generation:
    """How a language model writes queries."""

    generator: str
    """A folder or Hub id."""
    prompt: str
    """With places for title and text; see :mod:`llm_encoders.scaling.augment.prompt`."""
    chat: bool = False
    """Whether the prompt is a user's message in the model's chat template."""
    temperature: float = TEMPERATURE
    """0 takes the likeliest token (greedy decoding); above 0, tokens are drawn."""
    top_k: int | None = None
    """Of the likeliest tokens, how many are drawn from."""
    top_p: float | None = None
    """Drawn from the fewest of the likeliest tokens whose probabilities sum to this."""
    query_tokens: int = 64
    """Tokens of a query, at most."""
    prompt_tokens: int = 512
    """Tokens of a prompt, at most; a longer passage loses its end."""
    batch_size: int = BATCH_SIZE
    """Queries that are written at a time."""
    dtype: str | None = None
    """Number format by name; ``None`` for bfloat16 (or float16) on a GPU, else float32."""


@dataclass(frozen=True)
class RoundTrip:
    """Queries are kept whose passage an encoder finds again (arXiv 2209.11755, section 3.3)."""

    encoder: str
    """By name, folder or Hub id."""
    depth: int = DEPTH
    """A passage is found again if it is among the first so many."""
