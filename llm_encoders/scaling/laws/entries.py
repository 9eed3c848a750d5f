"""Values of a JSON file that know where they stand, for errors that name the place."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_encoders.errors import EncoderError, nearest


@dataclass(frozen=True)
class Entry:
    """A value in a JSON file.

    Args:
        path: of the file.
        place: in the file, as ``laws[0].parameters``; empty for the whole.
        value: as JSON has it.
    """

    path: Path
    place: str
    value: Any

    @classmethod
    def whole(cls, path: Path, value: dict[str, Any]) -> "Entry":
        """Of the file."""
        return cls(path, "", value)

    def error(self, problem: str) -> EncoderError:
        """An error that names the place."""
        where = f"{self.path}: {self.place}" if self.place else f"{self.path}"
        return EncoderError(f"{where} {problem}.")

    def _mapping(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self.error("must be an object, as {…}")
        return self.value

    def only(self, *known: str) -> None:
        """Refuse keys of an object that are not among these."""
        for key in self._mapping():
            if key not in known:
                hint = nearest(key, known) or f" Known: {', '.join(known)}."
                raise EncoderError(f"{self._child(key)} is no key of a file of laws.{hint}")

    def _child(self, key: str) -> str:
        return f"{self.path}: {self.place}.{key}" if self.place else f"{self.path}: {key}"

    def at(self, key: str) -> "Entry | None":
        """The value of a key; ``None`` where it is absent or null."""
        value = self._mapping().get(key)
        place = f"{self.place}.{key}" if self.place else key
        return None if value is None else Entry(self.path, place, value)

    def needed(self, key: str) -> "Entry":
        """The value of a key that must be there."""
        found = self.at(key)
        if found is None:
            raise EncoderError(f"{self._child(key)} is missing.")
        return found

    def items(self) -> list["Entry"]:
        """Of a list."""
        if not isinstance(self.value, list):
            raise self.error("must be a list, as […]")
        return [
            Entry(self.path, f"{self.place}[{place}]", value)
            for place, value in enumerate(self.value)
        ]

    def fields(self) -> list[tuple[str, "Entry"]]:
        """Keys and values of an object."""
        return [
            (key, Entry(self.path, f"{self.place}.{key}", value))
            for key, value in self._mapping().items()
        ]

    def texts(self) -> dict[str, str]:
        """An object of texts."""
        return {key: one.text() for key, one in self.fields()}

    def text(self) -> str:
        """A text."""
        if not isinstance(self.value, str):
            raise self.error("must be a text")
        return self.value

    def choice(self, known: Iterable[str]) -> str:
        """One of some texts."""
        known = list(known)
        word = self.text()
        if word not in known:
            hint = nearest(word, known) or f" Known: {', '.join(known)}."
            raise EncoderError(f"{self.path}: {self.place} is '{word}', which is unknown.{hint}")
        return word

    def flag(self) -> bool:
        """``true`` or ``false``."""
        if not isinstance(self.value, bool):
            raise self.error("must be true or false")
        return self.value

    def integer(self, least: int) -> int:
        """An integer of at least ``least``."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < least:
            raise self.error(f"must be an integer of at least {least}")
        return self.value

    def number(self, least: float | None = None, *, above: float | None = None) -> float:
        """A finite number that is at least ``least``, or above ``above``."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.error("must be a number")
        try:
            found = float(self.value)
        except OverflowError:
            found = math.inf
        if not math.isfinite(found):
            raise self.error("must be a finite number")
        if least is not None and found < least:
            raise self.error(f"is {found:g}, but must be at least {least:g}")
        if above is not None and found <= above:
            raise self.error(f"is {found:g}, but must be above {above:g}")
        return found

    def pair(self, *, above: float | None = None) -> tuple[float, float]:
        """A lower and an upper end, both at least 0 or above ``above``."""
        ends = self.items()
        if len(ends) != 2:
            raise self.error("must be a list of two numbers, the lower one first")
        low, high = (one.number(0, above=above) for one in ends)
        if low > high:
            raise self.error(f"has its lower end, {low:g}, above its upper end, {high:g}")
        return low, high
