"""The output folder of a distillation, and what is prepared in it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_encoders.checkpoints.fingerprint import folder_fingerprints, weights_digest
from llm_encoders.checkpoints.resolve import resolve_spec
from llm_encoders.checkpoints.teacher import passage_identity
from llm_encoders.checkpoints.tokenizer import tokenizer_folder
from llm_encoders.data.prepare import FINGERPRINT, TrainingData, prepare
from llm_encoders.data.sources import DataSources, corpus_files, source_files
from llm_encoders.distill_query.batches import Material
from llm_encoders.distill_query.candidates import MinedCandidates, records_of
from llm_encoders.distill_query.losses import LOSSES
from llm_encoders.distill_query.queries.store import (
    QueryStore,
    fingerprint_of,
    store_queries,
    store_texts,
)
from llm_encoders.distill_query.recipe.recipe import DistillRecipe
from llm_encoders.distill_query.recipe.sections import Queries
from llm_encoders.distill_query.teacher_side import TeacherSide
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.fingerprint import checksum
from llm_encoders.jobs.resumable_batches import StoredRows
from llm_encoders.train.recipe.errors import RecipeError
from llm_encoders.train.run_folder import RunFolder

_QUERIES, _CANDIDATES = "queries", "candidates"
_TOKENIZER = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json")
_QUERY_VECTORS, _PASSAGE_VECTORS = "query-vectors", "passage-vectors"


class DistillFolder(RunFolder):
    """As :class:`RunFolder`, of a recipe of this command."""

    keys = frozenset({"teacher", "student", "output"})

    def _inputs(self) -> list[str | None]:
        recipe: DistillRecipe = self.recipe
        candidates = recipe.candidates
        return [
            recipe.teacher.partition(",")[0],
            *(recipe.student.backbone, recipe.student.corpus, recipe.queries.source),
            *([] if candidates is None else [candidates.source, candidates.corpus]),
        ]

    def _present_files(self, prepared: dict[str, Any]) -> dict[str, str]:
        return _files(self.recipe)


@dataclass(frozen=True)
class Prepared:
    """Queries, the teacher's vectors of them, and mined candidates, where a loss needs them."""

    queries: QueryStore
    vectors: StoredRows
    candidates: MinedCandidates | None

    def material(self, tokenize: Any) -> Material:
        """What batches are made of, for a student that makes these token ids."""
        return Material(self.queries.texts, tokenize, self.vectors, self.candidates)


def prepare_all(recipe: DistillRecipe, teacher: TeacherSide, folder: Path) -> Prepared:
    """Read the queries and compute the teacher's vectors, or what is left of them.

    Args:
        recipe: what to do.
        teacher: loaded where vectors are left to compute.
        folder: takes everything.

    Raises:
        EncoderError: faulty input; names file and line.
    """
    data = _records(recipe, folder / _CANDIDATES)
    queries = _queries(recipe, data, folder / _QUERIES)
    if len(queries) < 2:
        raise RecipeError(
            "queries.source", f"there is {len(queries)} query; give at least two different ones."
        )
    vectors = teacher.query_vectors(queries, folder / _QUERY_VECTORS)
    candidates = None
    if data is not None and recipe.candidates is not None:
        candidates = _candidates(recipe, data, queries, teacher, folder / _PASSAGE_VECTORS)
    note_inputs(recipe, folder)
    return Prepared(queries, vectors, candidates)


def note_inputs(recipe: DistillRecipe, folder: Path) -> None:
    """Note what the run depends on, so that another teacher or other files are noticed later."""
    folder.mkdir(parents=True, exist_ok=True)
    noted = {"files": _files(recipe), "teacher": _teacher(recipe)}
    write_atomically(folder / FINGERPRINT, json.dumps(noted))


def _teacher(recipe: DistillRecipe) -> dict[str, Any]:
    """What the vectors of both sides of the teacher depend on beside its query side's weights."""
    files, _ = resolve_spec(recipe.teacher)
    side = files.query or files
    contract, weights = passage_identity(files)
    folder = tokenizer_folder(side)
    return {
        "contracts": [contract.text(), side.contract.text()],
        "weights": weights,
        "tokenizer": {
            name: checksum(folder / name) for name in _TOKENIZER if (folder / name).is_file()
        },
    }


def _files(recipe: DistillRecipe) -> dict[str, str]:
    """Size and time of modification of every file of queries, candidates and the student's
    beginning; of the teacher, the digest of its weights."""
    files, _ = resolve_spec(recipe.teacher)
    found = {f"the teacher {files.name}": weights_digest(files.query or files)}
    student = recipe.student
    if student.backbone is not None and Path(student.backbone).is_dir():
        known = folder_fingerprints(Path(student.backbone))
        found |= {f"{student.backbone}/{name}": one for name, one in known.items()}
    if student.corpus is not None:
        found |= corpus_files(student.corpus)
    if recipe.queries.source is not None:
        found |= fingerprint_of(recipe.queries, 0)["files"]
    if recipe.candidates is not None:
        found |= source_files(_sources(recipe))
    return found


def _sources(recipe: DistillRecipe) -> DataSources:
    assert recipe.candidates is not None
    return DataSources(recipe.candidates.source, recipe.candidates.corpus)


def _records(recipe: DistillRecipe, folder: Path) -> TrainingData | None:
    if recipe.candidates is None:
        return None
    scored = recipe.losses.needs_scores
    return prepare(_sources(recipe), folder, need_scores=scored, need_negatives=scored)


def _queries(recipe: DistillRecipe, data: TrainingData | None, folder: Path) -> QueryStore:
    seed = recipe.schedule.seed
    if recipe.queries.source is not None:
        return store_queries(recipe.queries, seed, folder)
    assert data is not None
    texts = ((str(row), data.queries[row]["query"]) for row in range(len(data.queries)))
    known = {"candidates": source_files(_sources(recipe)), "limit": recipe.queries.limit}
    return store_texts(
        texts, {**known, "seed": seed}, folder, Queries(limit=recipe.queries.limit), seed
    )


def _candidates(
    recipe: DistillRecipe,
    data: TrainingData,
    queries: QueryStore,
    teacher: TeacherSide,
    folder: Path,
) -> MinedCandidates:
    assert recipe.candidates is not None
    records = records_of(data, queries.texts(range(len(queries))))
    if not records:
        raise RecipeError(
            "candidates.source",
            f"{recipe.candidates.source} has no record of any of the queries of "
            f"{recipe.queries.source}; texts must agree.",
        )
    lacking = len(queries) - len(records)
    if lacking:
        left = [name for name in recipe.losses.chosen if not LOSSES[name].needs_candidates]
        what = f"they learn by {' and '.join(left)} only" if left else "they are not learned from"
        print(
            f"{recipe.candidates.source}: no record of {lacking:,} of {len(queries):,} queries; "
            f"{what}."
        )
    known = {"files": source_files(_sources(recipe))}
    rows = range(len(data.passages))
    passages = teacher.passage_vectors(data.passages, rows, known, folder)
    return MinedCandidates(data, records, passages, recipe.candidates.negatives)
