"""Numbers and paths of a command line, checked where they are parsed.

Each function gives what ``argparse`` takes as ``type=``; a value out of bounds ends the command
with exit code 2 and a sentence.
"""

import argparse
import math
import os
from collections.abc import Callable
from pathlib import Path

LARGEST = 2**31 - 1
"""Of counts: beyond it sizes overflow in one library or another."""
LARGEST_SEED = 2**32 - 1
"""Of seeds: NumPy's limit."""


def integer(least: int, most: int = LARGEST) -> Callable[[str], int]:
    """An integer from ``least`` to ``most``, both included."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:  # also an integer of thousands of digits
            raise argparse.ArgumentTypeError(f"'{text[:40]}' is no integer") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not between {least:,} and {most:,}")
        return value

    return parse


count = integer(1)
"""A number of things: at least 1."""
seed = integer(0, LARGEST_SEED)
"""Of a random generator."""


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text[:40]}' is no number") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not finite")
    return value


def text(value: str) -> str:
    """A text that is not empty."""
    if not value.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return value


def home(value: str) -> str:
    """A path with the home folder in the place of a leading ``~``.

    Shells leave it as it is behind ``=``, as in ``--output=~/vectors``.
    """
    return os.path.expanduser(value) if value == "~" or value.startswith("~/") else value


def place(value: str) -> str:
    """A path, or a name of another kind; not empty."""
    return home(text(value))


def path(value: str) -> Path:
    """A path that the operating system can take."""
    if not value:
        raise argparse.ArgumentTypeError("the path is empty")
    if "\0" in value:
        raise argparse.ArgumentTypeError("the path holds a NUL byte")
    return Path(home(value))


def output(value: str) -> Path:
    """A path that something can be written to.

    It is not empty, not the root of the file system, and no link on it leads nowhere.
    """
    found = path(value)
    if found.resolve() == Path(found.resolve().anchor):
        raise argparse.ArgumentTypeError(f"'{value}' is the root of the file system")
    for one in (found, *found.parents):
        if one.is_symlink() and not one.exists():
            raise argparse.ArgumentTypeError(
                f"'{one}' is a link to {one.readlink()}, which does not exist; remove the link, or "
                "make what it leads to"
            )
    return found
