"""From the user's files to memory-mapped stores, checked whole before the first step."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from llm_encoders.corpora.beir import is_beir
from llm_encoders.data.arrow import Table
from llm_encoders.data.building import LISTING, QUERIES, Builder, Wanted, write_corpus
from llm_encoders.data.faults import LeftOut
from llm_encoders.data.passages import Passages
from llm_encoders.data.relevance import Relevance
from llm_encoders.data.sources import DataSources, corpus_files, source_files
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_record

FINGERPRINT = "prepared.json"
"""Says what files the prepared data is of."""
_SIZES = "sizes.json"
"""Says how large each prepared file is."""


@dataclass(frozen=True)
class TrainingData:
    """Prepared queries and passages."""

    queries: Table
    """Rows of id (``None`` where the record has none), query, positives, negatives (rows of
    ``passages``), their teacher scores, and group, see :class:`Relevance`."""
    passages: Passages
    relevance: Relevance
    """The texts that must not be negatives of a query."""
    queries_are_documents: bool = False
    """See :class:`DataSources`."""

    @property
    def annotations(self) -> int:
        """Different pairs of a query and a relevant passage; equal queries are one."""
        entries, lengths = self.queries.lists("positives")
        groups = np.repeat(self.queries.column("group"), lengths)
        return len(np.unique(groups * len(self.passages) + entries))

    def itself(self, one: dict[str, Any]) -> int | None:
        """The passage that is the query of a row of ``queries``, if any."""
        if not self.queries_are_documents or one["id"] is None:
            return None
        return self.passages.row(one["id"])

    def excluded_negatives(self, one: dict[str, Any], rows: list[int]) -> np.ndarray:
        """Which passages must not be negatives of a query.

        Those are passages relevant to it in any record of the same query, passages with the text
        of such a passage or of the query, and the passage that is the query.

        Args:
            one: a row of ``queries``.
            rows: of passages.

        Returns:
            bool [passages].
        """
        found = self.passages.have_texts(rows, self.relevance.of(one["group"]))
        own = self.itself(one)
        return found if own is None else found | (np.asarray(rows) == own)


def prepare(
    sources: DataSources,
    folder: Path,
    need_scores: bool = False,
    need_negatives: bool = False,
    every_passage: bool = False,
    listing: Path | None = None,
) -> TrainingData:
    """Read and check the training files, or open what an earlier run made of the same files.

    Args:
        sources: the user's files.
        folder: takes the stores; replaced if the files have changed.
        need_scores: whether every passage must have a teacher score.
        need_negatives: whether queries without negatives are left out, as for distillation alone,
            which learns nothing from a single passage.
        every_passage: whether negatives are kept that have the text of the query or of a passage
            relevant to it, as scoring does.
        listing: takes what ``sources.on_error`` leaves out, one fault a line; by default a file in
            the folder.

    Raises:
        UsageError: a split of something that has none.
        EncoderError: a record that cannot be trained on, with file and line; nothing is left.
    """
    if sources.split != DataSources.split and not is_beir(sources.train):
        raise UsageError(
            f"The split '{sources.split}': {sources.train} is no folder in BEIR layout, so it has "
            "no splits; leave it out."
        )
    wanted = Wanted(need_scores, need_negatives, every_passage)
    fingerprint = {
        "sources": asdict(sources),
        "files": source_files(sources),
        "wanted": asdict(wanted),
    }

    def build(building: Path) -> None:
        left_out = LeftOut(sources.on_error, building / LISTING, listing or folder / LISTING)
        Builder(sources, building, wanted, left_out).build()

    _prepare(folder, fingerprint, build, listing)
    return TrainingData(
        Table(folder / QUERIES),
        Passages(folder),
        Relevance(folder),
        sources.queries_are_documents,
    )


def prepare_passages(
    corpus: str, folder: Path, on_error: str = "stop", listing: Path | None = None
) -> Passages:
    """Passages alone, for training without queries; as :func:`prepare` otherwise."""
    fingerprint = {"corpus": corpus, "files": corpus_files(corpus), "on_error": on_error}

    def build(building: Path) -> None:
        left_out = LeftOut(on_error, building / LISTING, listing or folder / LISTING)
        if not len(write_corpus(building, corpus, left_out)):
            raise EncoderError(f"{corpus} holds no passages.")

    _prepare(folder, fingerprint, build, listing)
    return Passages(folder)


def _prepare(
    folder: Path, fingerprint: Any, build: Callable[[Path], None], listing: Path | None
) -> None:
    """Build a folder beside the old one and put it in its place when it is whole."""
    if read_record(folder / FINGERPRINT) == fingerprint:
        known = read_record(folder / _SIZES)
        if known and known.items() <= _sizes(folder).items():
            return
        print(f"The prepared data in {folder} is damaged; it is prepared again.")
    building = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        build(building)
        (building / _SIZES).write_text(json.dumps(_sizes(building)), encoding="utf-8")
        (building / FINGERPRINT).write_text(json.dumps(fingerprint), encoding="utf-8")
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    if listing is not None and (building / LISTING).exists():
        shutil.copyfile(building / LISTING, listing)
    shutil.rmtree(folder, ignore_errors=True)
    building.rename(folder)


def _sizes(folder: Path) -> dict[str, int]:
    return {
        path.name: path.stat().st_size
        for path in sorted(folder.iterdir())
        if path.suffix in (".arrow", ".npy")
    }
