"""Numbers of people: ``0.6``, ``20K``, ``973M``, ``2.8B``, ``3.12e14``."""

import math
import re
from dataclasses import dataclass
from typing import Any

from llm_encoders.errors import EncoderError

_DOTTED = re.compile(r"[1-9]\d{0,2}\.\d\d0", re.ASCII)  # nobody ends decimals in a 0
_FACTORS = {"K": 1e3, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


@dataclass(frozen=True)
class Range:
    """What a number may be.

    Args:
        least: the smallest value.
        most: the largest value.
        above: what it must exceed.
    """

    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf

    def problem(self, value: float) -> str | None:
        """Why a value is refused, as the end of a sentence; ``None`` if it is not."""
        if not math.isfinite(value):
            return f"is {value}; give a finite number"
        if value < self.least:
            return f"is {value:g}; give a number of at least {self.least:g}"
        if value <= self.above:
            return f"is {value:g}; give a number above {self.above:g}"
        if value > self.most:
            return f"is {value:g}; give a number of at most {self.most:g}"
        return None


def parse(value: Any, name: str, allowed: Range) -> float:
    """A number that a command line or a YAML file holds.

    Args:
        value: an int, a float, or a text such as ``973M``: K is 10³, M 10⁶, B 10⁹, T 10¹².
        name: what it is called, with its place, for errors.
        allowed: what it may be.

    Raises:
        EncoderError: it is no number, not finite or out of bounds.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise EncoderError(f"{name} is '{value}', which is no number.")
    if isinstance(value, str):
        require_settled(value, name)
    try:
        number = _of_text(value) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        raise EncoderError(
            f"{name} is '{str(value)[:40]}', which is no number; write it as 0.6, 20K, 973M, 2.8B "
            "or 3.12e14."
        ) from None
    if problem := allowed.problem(number):
        raise EncoderError(f"{name} {problem}.")
    return number


def require_settled(text: str, name: str) -> None:
    """Refuse ``20.000``, which is 20 to some and 20,000 to others.

    Raises:
        EncoderError: says how to write either.
    """
    text = text.strip()
    if _DOTTED.fullmatch(text):
        raise EncoderError(
            f"{name} is '{text}', which is {float(text):g} to some and {text.replace('.', '')} to "
            "others; write one of these two."
        )


def _of_text(text: str) -> float:
    text = text.strip()
    factor = _FACTORS.get(text[-1:])
    return float(text) if factor is None else float(text[:-1]) * factor


def written(value: float) -> str:
    """A number in a few characters, as people write it: ``12.9B``, ``8.84M``, ``512``, ``0.31``."""
    for suffix, factor in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3)):
        if abs(value) >= 0.9995 * factor and abs(value) < 1e15:
            return f"{_digits(value / factor)}{suffix}"
    return f"{value:.3g}"


def _digits(value: float) -> str:
    """Three significant digits, without an exponent: 12.9, 1.3, 512."""
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    text = f"{value:.{max(digits, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
