"""What a recipe must not say, as far as it can be known without the teacher."""

import argparse
from typing import Any

from llm_encoders.config import EncoderConfig, concerns
from llm_encoders.contract_values import ContractError
from llm_encoders.distill_query.losses import LOSSES
from llm_encoders.jobs.arguments import output
from llm_encoders.train.recipe.errors import RecipeError
from llm_encoders.train.recipe.options import check_bounds
from llm_encoders.train.recipe.trainer import check_trainer

_KEYS = {
    "transformer": ("backbone", "size", "adapter"),
    "layers": ("layers", "which", "adapter"),
    "lookup": ("initial", "corpus", "counts"),
}
"""The keys of every kind of student."""
_CROPS = ("crops", "least_words", "most_words")
_SETTLED = {
    "paradigm": "teacher",
    "query_encoder": "student.kind",
    "passage_encoder": "student.kind",
    "projections": "student.kind",
    "vocabulary_head": "student.kind",
    "dimension": "teacher",
    "lookup_counts": "student.counts",
}
"""Keys of the contract that follow from others of the recipe."""


def check(recipe: Any) -> None:
    """Check a :class:`llm_encoders.distill_query.recipe.recipe.DistillRecipe`.

    Raises:
        RecipeError: names the key and what it may be.
    """
    check_bounds(recipe)
    try:
        output(recipe.output)
    except (argparse.ArgumentTypeError, OSError, RuntimeError) as error:  # a loop of links
        raise RecipeError("output", f"output: {' '.join(str(error).split())}.") from None
    check_trainer(recipe.trainer)
    _check_student(recipe.student)
    _check_schedule(recipe)
    _check_encoder(recipe.encoder)
    if recipe.trains:
        _check_queries(recipe)
        _check_losses(recipe)


def _check_student(student: Any) -> None:
    own = _KEYS[student.kind]
    for key in dict.fromkeys(key for keys in _KEYS.values() for key in keys):
        if key not in own and getattr(student, key) is not None:
            raise RecipeError(
                f"student.{key}",
                f"student.{key} is for {_owners(key)}; this student is of the kind "
                f"{student.kind}, which has {', '.join(own)}. Leave it out.",
            )
    if student.kind == "transformer" and (student.backbone is None) == (student.size is None):
        raise RecipeError(
            "student.size" if student.size else "student",
            "a transformer is taken from student.backbone or made by student.size; give exactly "
            "one.",
        )
    if student.size is not None:
        _check_size(student)
    if student.kind == "layers" and student.layers is None:
        raise RecipeError("student", "student.layers is missing: how many layers are kept.")
    if (student.initial == "idf") != (student.corpus is not None):
        raise RecipeError(
            "student.corpus" if student.corpus else "student.initial",
            "student.corpus and 'student.initial: idf' belong together: idf is counted over the "
            "corpus. Give both or neither.",
        )


def _owners(key: str) -> str:
    owners = [kind for kind, keys in _KEYS.items() if key in keys]
    return f"the {'kind' if len(owners) == 1 else 'kinds'} {' and '.join(owners)}"


def _check_size(student: Any) -> None:
    if student.adapter is not None:
        raise RecipeError(
            "student.adapter",
            "student.adapter needs weights that were trained before; with student.size all are "
            "new. Leave it out.",
        )
    if student.size.hidden % student.size.heads:
        raise RecipeError(
            "student.size.heads",
            f"student.size.heads ({student.size.heads}) does not divide student.size.hidden "
            f"({student.size.hidden}).",
        )


def _check_schedule(recipe: Any) -> None:
    schedule = recipe.schedule
    given = [key for key in ("steps", "epochs") if getattr(schedule, key) is not None]
    if len(given) != 1:
        raise RecipeError(
            f"schedule.{given[-1]}" if given else "schedule",
            f"give exactly one of schedule.steps and schedule.epochs; there "
            f"{'are both' if given else 'is none'}.",
        )
    if not recipe.trains and recipe.student.kind != "lookup":
        raise RecipeError(
            "schedule.steps",
            "schedule.steps is 0, but only a lookup table is of use without training; give at "
            "least 1.",
        )


def _check_encoder(changes: dict[str, Any]) -> None:
    for key, owner in _SETTLED.items():
        if key in changes:
            raise RecipeError(
                f"encoder.{key}", f"encoder.{key} follows from '{owner}'; leave it out."
            )
    for key in changes:
        if str(key).startswith("passage_"):
            raise RecipeError(
                f"encoder.{key}",
                f"encoder.{key} would change nothing, for a student encodes queries only; leave it "
                "out.",
            )
    try:
        EncoderConfig.from_dict({"paradigm": "dense", **changes}, "encoder")
    except ContractError as error:
        raise RecipeError(f"encoder.{error.key}", str(error)) from None


def _check_queries(recipe: Any) -> None:
    queries = recipe.queries
    if queries.source is None and recipe.candidates is None:
        raise RecipeError(
            "queries", "queries.source is missing: a file of queries, a BEIR folder or a corpus."
        )
    if queries.kind != "crops":
        given = [key for key in _CROPS if getattr(queries, key) != getattr(type(queries)(), key)]
        if given:
            raise RecipeError(
                f"queries.{given[0]}",
                f"queries.{given[0]} is for 'kind: crops'; these are {queries.kind}. Leave it out.",
            )
    if queries.least_words > queries.most_words:
        raise RecipeError(
            "queries.least_words",
            f"queries.least_words ({queries.least_words}) is above queries.most_words "
            f"({queries.most_words}).",
        )
    if queries.split is not None and queries.kind != "queries":
        raise RecipeError(
            "queries.split",
            f"queries.split chooses queries; these are {queries.kind}. Leave it out.",
        )


def _check_losses(recipe: Any) -> None:
    losses = recipe.losses
    if not losses.chosen:
        raise RecipeError(
            "losses", f"losses has no loss; give a weight to one of {', '.join(LOSSES)}."
        )
    if losses.needs_candidates and recipe.candidates is None:
        names = [name for name in losses.chosen if LOSSES[name].needs_candidates]
        raise RecipeError(
            f"losses.{names[0]}",
            f"losses.{names[0]} compares passages of a query; name the file that lists them "
            "(candidates.source).",
        )
    if recipe.candidates is not None and not losses.needs_candidates:
        names = [name for name, loss in LOSSES.items() if loss.needs_candidates]
        raise RecipeError(
            "candidates",
            f"candidates are for {' and '.join(names)}, of which none has a weight; leave them "
            "out, and name a file of queries alone under queries.source.",
        )
    if recipe.candidates is not None and losses.needs_scores and not recipe.candidates.negatives:
        raise RecipeError(
            "candidates.negatives",
            "candidates.negatives is 0, but margin_mse compares a query's own passages; give at "
            "least 1.",
        )


def check_paradigm(recipe: Any, paradigm: str) -> None:
    """Refuse losses and keys that are for encoders of the other paradigm than the teacher's.

    Raises:
        RecipeError: names the key.
    """
    for key in recipe.encoder:
        if not concerns(key, paradigm):
            raise RecipeError(
                f"encoder.{key}",
                f"encoder.{key} does not concern {paradigm} encoders, and the teacher is one; "
                "leave it out.",
            )
    for name in recipe.losses.chosen:
        if paradigm not in LOSSES[name].paradigms:
            fitting = [one.name for one in LOSSES.values() if paradigm in one.paradigms]
            raise RecipeError(
                f"losses.{name}",
                f"losses.{name} is for {' and '.join(LOSSES[name].paradigms)} encoders, and the "
                f"teacher is {paradigm}; choose from {', '.join(fitting)}.",
            )
    if paradigm == "dense" and recipe.regularisation.queries:
        raise RecipeError(
            "regularisation.queries",
            "regularisation is for sparse students, and the teacher is dense; leave it out.",
        )
    if paradigm == "dense" and recipe.student.counts is not None:
        raise RecipeError(
            "student.counts", "student.counts is for sparse tables, and the teacher is dense."
        )
    if paradigm == "dense" and recipe.student.initial in ("idf", "counts", "ones"):
        raise RecipeError(
            "student.initial",
            f"student.initial is {recipe.student.initial}, weights of terms, and the teacher is "
            "dense; write teacher.",
        )
