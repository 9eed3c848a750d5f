"""What a distillation learns from: queries, the teacher's vectors, mined candidates."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_encoders.data.prepare import TrainingData, prepare
from llm_encoders.data.sources import source_files
from llm_encoders.distill_query.batches import Material
from llm_encoders.distill_query.candidates import MinedCandidates, records_of
from llm_encoders.distill_query.inputs import note_inputs, sources_of
from llm_encoders.distill_query.losses import LOSSES
from llm_encoders.distill_query.queries.store import QueryStore, store_queries, store_texts
from llm_encoders.distill_query.recipe.recipe import DistillRecipe
from llm_encoders.distill_query.recipe.sections import Queries
from llm_encoders.distill_query.teacher_side import TeacherSide
from llm_encoders.jobs.resumable_batches import StoredRows
from llm_encoders.train.recipe.errors import RecipeError

_QUERIES, _CANDIDATES = "queries", "candidates"
_QUERY_VECTORS, _PASSAGE_VECTORS = "query-vectors", "passage-vectors"


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


def _records(recipe: DistillRecipe, folder: Path) -> TrainingData | None:
    if recipe.candidates is None:
        return None
    scored = recipe.losses.needs_scores
    return prepare(sources_of(recipe), folder, need_scores=scored, need_negatives=scored)


def _queries(recipe: DistillRecipe, data: TrainingData | None, folder: Path) -> QueryStore:
    seed = recipe.schedule.seed
    if recipe.queries.source is not None:
        return store_queries(recipe.queries, seed, folder)
    assert data is not None
    texts = ((str(row), data.queries[row]["query"]) for row in range(len(data.queries)))
    known = {"candidates": source_files(sources_of(recipe)), "limit": recipe.queries.limit}
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
    known = {"files": source_files(sources_of(recipe))}
    rows = range(len(data.passages))
    passages = teacher.passage_vectors(data.passages, rows, known, folder)
    return MinedCandidates(data, records, passages, recipe.candidates.negatives)
