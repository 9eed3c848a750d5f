"""Random negatives, the setting of arXiv 2403.18684: what a recipe and its data must have for them.

Each query is compared with its own passages and with random ones that are shared by its batch, and
with the passages of other queries only where they are asked for.
"""

from typing import TYPE_CHECKING

import numpy as np

from llm_encoders.train.recipe.errors import RecipeError

if TYPE_CHECKING:
    from llm_encoders.train.recipe.recipe import Recipe

KEY = "data.random_negatives"
_IN_BATCH = "data.in_batch_negatives"


def check(recipe: "Recipe") -> None:
    """Refuse random negatives that nothing is compared with, and a query that has none at all.

    Raises:
        RecipeError: names the key.
    """
    data, losses = recipe.data, recipe.objective
    if data.random_negatives and not losses.in_batch:
        raise RecipeError(
            KEY,
            f"{KEY} is for the contrastive loss; the others compare only a query's own passages. "
            "Leave it out, or give objective.contrastive a weight.",
        )
    if data.in_batch_negatives is not None and not losses.in_batch:
        raise RecipeError(
            _IN_BATCH,
            f"{_IN_BATCH} is for the contrastive loss; the others compare only a query's own "
            "passages. Leave it out.",
        )
    if not data.in_batch and not data.random_negatives:
        raise RecipeError(
            _IN_BATCH,
            f"{_IN_BATCH} is false, but {KEY} is 0; give their number, such as 256.",
        )
    if recipe.schedule.candidates is not None and not data.in_batch:
        raise RecipeError(
            "schedule.candidates",
            f"schedule.candidates limits the in-batch negatives, and with {KEY} there are none; "
            f"leave it out, or write {_IN_BATCH.removeprefix('data.')}: true.",
        )


def require_passages(count: int, keys: np.ndarray, corpus: str) -> None:
    """Refuse to draw more passages than there are, and where there is no negative among them.

    Args:
        count: passages to draw at a time.
        keys: of all passages, see :attr:`~llm_encoders.data.passages.Passages.keys`.
        corpus: where they come from.

    Raises:
        RecipeError: there are fewer, or all have one text.
    """
    passages = len(keys)
    if count and passages and (keys == keys[0]).all():
        raise RecipeError(
            KEY,
            f"{KEY} is {count:,}, but all passages of {corpus} have the same text, so no query has "
            "a negative; name a larger corpus (data.corpus).",
        )
    if count > passages:
        raise RecipeError(
            KEY,
            f"{KEY} is {count:,}, but {corpus} has only {passages:,} passages; lower it, or name a "
            "larger corpus (data.corpus).",
        )
