"""From the user's files to memory-mapped stores, checked whole before the first step."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from llm_encoders.corpora import open_corpus
from llm_encoders.corpora.beir import is_beir
from llm_encoders.data.arrow import Table, TableWriter
from llm_encoders.data.faults import refuse
from llm_encoders.data.layouts import Inline, TrainingDataError
from llm_encoders.data.passages import Passages, PassageWriter
from llm_encoders.data.sources import DataSources, corpus_files, examples, source_files
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.unicode import well_formed

_GROUPS = "queries.arrow"
STAMP = "prepared.json"
"""Says what files the prepared data is of."""
_SCHEMA = pa.schema(
    [
        ("query", pa.string()),
        ("positives", pa.list_(pa.int64())),
        ("negatives", pa.list_(pa.int64())),
        ("positive_scores", pa.list_(pa.float32())),
        ("negative_scores", pa.list_(pa.float32())),
    ]
)


@dataclass(frozen=True)
class TrainingData:
    """Prepared queries and passages."""

    queries: Table
    """Rows of query, positives, negatives (rows of ``passages``) and their teacher scores."""
    passages: Passages


def prepare(
    sources: DataSources, folder: Path, need_scores: bool = False, need_negatives: bool = False
) -> TrainingData:
    """Read and check the training files, or open what an earlier run made of the same files.

    Args:
        sources: the user's files.
        folder: takes the stores; replaced if the files have changed.
        need_scores: whether every passage must have a teacher score.
        need_negatives: whether queries without negatives are left out, as for distillation alone,
            which learns nothing from a single passage.

    Raises:
        UsageError: a split of something that has none.
        EncoderError: a record that cannot be trained on, with file and line; nothing is left.
    """
    if sources.split != DataSources.split and not is_beir(sources.train):
        raise UsageError(
            f"The split '{sources.split}': {sources.train} is no folder in BEIR layout, so it has "
            "no splits; leave it out."
        )
    stamp = {"sources": asdict(sources), "files": source_files(sources), "scores": need_scores}
    if need_negatives:
        stamp["negatives"] = True

    def build(building: Path) -> None:
        _build(sources, building, need_scores, need_negatives)

    if _stamp(folder) != stamp:
        _replace(folder, stamp, build)
    return TrainingData(Table(folder / _GROUPS), Passages(folder))


def prepare_passages(corpus: str, folder: Path) -> Passages:
    """Passages alone, for training without queries; as :func:`prepare` otherwise."""
    stamp = {"corpus": corpus, "files": corpus_files(corpus)}
    if _stamp(folder) != stamp:

        def build(building: Path) -> None:
            writer = PassageWriter(building)
            for _, document in open_corpus(corpus).documents(refuse):
                writer.add(document.id, document.title, document.text)
            writer.close()
            if not len(Passages(building)):
                raise EncoderError(f"{corpus} holds no passages.")

        _replace(folder, stamp, build)
    return Passages(folder)


def _replace(folder: Path, stamp: Any, build: Callable[[Path], None]) -> None:
    """Build a folder beside the old one and put it in its place when it is whole."""
    building = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        build(building)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    (building / STAMP).write_text(json.dumps(stamp), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    building.rename(folder)


def _stamp(folder: Path) -> Any:
    try:
        return json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _build(sources: DataSources, folder: Path, need_scores: bool, need_negatives: bool) -> None:
    writer = PassageWriter(folder)
    corpus = sources.corpus_name
    by_id: Passages | None = None
    if corpus is not None:
        for _, document in open_corpus(corpus).documents(refuse):
            writer.add(document.id, document.title, document.text)
        writer.close()
        by_id = Passages(folder)
        _require_distinct(by_id, corpus)

    def row(passage: str | Inline, place: str) -> int:
        if isinstance(passage, Inline):
            if by_id is not None:
                raise TrainingDataError(
                    place, "the passage is given in full, but a corpus is named; leave 'corpus' out"
                )
            return writer.add_inline(passage.docid, passage.title, passage.text)
        if by_id is None:
            raise TrainingDataError(
                place, f"passage '{passage}' is given by id; name the corpus it is in (data.corpus)"
            )
        found = by_id.row(passage)
        if found is None:
            raise TrainingDataError(place, f"passage '{passage}' is not in the corpus {corpus}.")
        return found

    alone: list[str] = []
    with TableWriter(folder / _GROUPS, _SCHEMA) as groups:
        for place, one in examples(sources, by_id):
            if need_scores and (
                one.positive_scores is None or (one.negatives and one.negative_scores is None)
            ):
                raise TrainingDataError(
                    place,
                    "no teacher scores, which distillation needs; write them with "
                    "python -m llm_encoders.score.",
                )
            if need_negatives and not one.negatives:
                alone.append(place)
                continue
            groups.append(
                one.query,
                [row(passage, place) for passage in one.positives],
                [row(passage, place) for passage in one.negatives],
                one.positive_scores,
                one.negative_scores,
            )
    if alone and not groups.count:
        raise TrainingDataError(
            alone[0],
            "no negatives, as in all of the file; distillation alone compares a query's own "
            "passages and learns nothing from one. Mine negatives with python -m "
            "llm_encoders.mine_negatives, or give 'contrastive' a weight.",
        )
    if groups.count == 0:
        raise EncoderError(f"{sources.train} holds no training examples.")
    if alone:
        print(f"{alone[0]}: no negatives; distillation leaves out {len(alone):,} such queries.")
    if by_id is None:
        writer.close()


def _require_distinct(passages: Passages, corpus: str) -> None:
    """Refuse a corpus in which an id occurs twice; only then is it read again, for the lines."""
    repeated = passages.repeated_id()
    if repeated is None:
        return
    documents = (document for _, document in open_corpus(corpus).documents(refuse))
    first, second = islice((one.place for one in documents if well_formed(one.id) == repeated), 2)
    raise TrainingDataError(
        second, f"the id '{repeated}' was given before, at {first}; ids must differ."
    )
