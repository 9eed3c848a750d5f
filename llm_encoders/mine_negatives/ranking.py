"""Rankings of training queries: by an encoder, or by a ranker that another package supplies."""

from collections.abc import Sequence
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import Protocol

from llm_encoders.data.passages import Passages
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.resumable_batches import Progress

BM25 = "bm25"
GROUP = "llm_encoders.rankers"
"""Group of Python entry points under which packages supply rankers by name."""


class Ranker(Protocol):
    """Ranks the passages of a store."""

    window: int
    """Queries that are ranked at a time."""

    def rank(self, queries: Sequence[str], depth: int, progress: Progress) -> list[list[int]]:
        """Rows of the first ``depth`` passages for every query, best first.

        Where it takes long, ``progress`` is told of every step.
        """


class RankerFactory(Protocol):
    """What an entry point names: makes a ranker, with an index of its own or one that is given."""

    def __call__(
        self, passages: Passages, work: Path, *, index: Path | None, threads: int
    ) -> Ranker:
        """A ranker.

        Args:
            passages: what is ranked.
            work: folder for an index; what is in it of the same passages may be used again.
            index: an index of the passages by their ids, where there is one already.
            threads: for indexing and searching.
        """


def declared() -> dict[str, EntryPoint]:
    """Rankers that installed packages declare, by name.

    A clone that was installed from may hold the metadata of an earlier version. Run inside it,
    Python finds those first, and ``importlib.metadata.entry_points`` looks no further.
    """
    found: dict[str, EntryPoint] = {}
    for distribution in distributions():
        for point in distribution.entry_points.select(group=GROUP):
            found.setdefault(point.name, point)
    return found


def supplied(method: str) -> RankerFactory | None:
    """The ranker that an installed package supplies under this name; ``None`` for an encoder.

    Raises:
        UsageError: it is ``bm25`` and not installed; says how to install it.
    """
    found = declared().get(method)
    problem = "nothing supplies it"
    if found is not None:
        try:
            factory: RankerFactory = found.load()
            return factory
        except ImportError as error:
            problem = " ".join(str(error).split())
    elif method != BM25:
        return None
    raise UsageError(
        f"--method {method} needs Pyserini ({problem}). Install it with 'pip install "
        "pyserini-llm-encoders', or give --method the name of an encoder."
    )


def rows_of(passages: Passages, ids: Sequence[str]) -> list[int]:
    """Rows of passages that an index names by id.

    Raises:
        EncoderError: the index is of another corpus.
    """
    rows = []
    for docid in ids:
        row = passages.row(docid)
        if row is None:
            raise EncoderError(
                f"The index holds a passage '{docid}' that the corpus does not. Give the index of "
                "this corpus, or leave --index out to have one made."
            )
        rows.append(row)
    return rows
