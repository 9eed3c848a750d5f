"""The declaration of a recipe's keys: each with default, meaning and bounds, in one place."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import MISSING, dataclass
from typing import Any

from llm_encoders.errors import nearest
from llm_encoders.jobs.arguments import LARGEST
from llm_encoders.train.recipe.errors import RecipeError
from llm_encoders.unicode import well_formed

LONGEST = 1 << 20
"""Tokens of a text, at most."""


@dataclass(frozen=True)
class Bounds:
    """What a number may be, or which texts there are to choose from."""

    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    below: float = math.inf
    choices: Sequence[str] = ()
    filled: bool = False

    def check(self, key: str, value: Any) -> None:
        """Refuse a number out of bounds, infinite, or NaN, and a text that nothing can be named.

        Raises:
            RecipeError: says what the key may be.
        """
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                self._check_text(key, text)
        if isinstance(value, str) and self.choices and value not in self.choices:
            raise RecipeError(
                key,
                f"{key} is '{value}'; choose one of {', '.join(self.choices)}."
                f"{nearest(value, self.choices)}",
            )
        if isinstance(value, bool) or not isinstance(value, int | float):
            return
        whole = isinstance(value, int)
        most = LARGEST if whole and self.most == math.inf else self.most
        inside = self.least <= value <= most and self.above < value < self.below
        if not inside or not math.isfinite(value):
            written = f"{value:,}" if whole else f"{value:g}"
            raise RecipeError(
                key,
                f"{key} is {written}; give a {'whole' if whole else 'finite'} number"
                f"{self._words(most)}.",
            )

    def _check_text(self, key: str, text: str) -> None:
        if self.filled and not text.strip():
            raise RecipeError(key, f"{key} is empty.")
        if "\0" in text or well_formed(text) != text:
            raise RecipeError(key, f"{key} holds a NUL byte or half a character.")

    def _words(self, most: float) -> str:
        if self.least > -math.inf and most < math.inf:
            words = f" from {self.least:,.0f} to {most:,.0f}"
        elif self.least > -math.inf:
            words = f" of at least {self.least:,.0f}"
        elif self.above > -math.inf:
            words = f" above {self.above:,.0f}"
        else:
            words = ""
        return words + (f" and below {self.below:,.0f}" if self.below < math.inf else "")


def option(
    default: Any = MISSING,
    meaning: str = "",
    *,
    least: float = -math.inf,
    most: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    choices: Sequence[str] = (),
    filled: bool = False,
    path: bool = False,
) -> Any:
    """A key of a recipe.

    Args:
        default: what it is where it is not given; a class or function is called for it.
        meaning: what ``--help`` says of it; one or more sentences.
        least, most: the smallest and the largest value.
        above, below: what it must exceed, and what it must fall short of.
        choices: the texts that it may be.
        filled: whether a text must not be empty.
        path: whether a text may be a path, in which a leading ``~`` is the home folder.
    """
    bounds = Bounds(least, most, above, below, tuple(choices), filled)
    metadata = {"meaning": meaning, "bounds": bounds, "path": path}
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def check_bounds(section: Any, path: str = "") -> None:
    """Check every value of a section, and of the sections in it.

    Raises:
        RecipeError: a value out of bounds.
    """
    for one in dataclasses.fields(section):
        value = getattr(section, one.name)
        if dataclasses.is_dataclass(value):
            check_bounds(value, f"{path}{one.name}.")
        elif "bounds" in one.metadata:
            one.metadata["bounds"].check(path + one.name, value)
