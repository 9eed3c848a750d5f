"""Measured points: a CSV file with a header, one measurement a line."""

import csv
import hashlib
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llm_encoders.errors import EncoderError, listed, nearest
from llm_encoders.reading import read_text
from llm_encoders.scaling.laws.law import ANNOTATIONS, PARAMETERS, Array

ENTROPY, SEED = "entropy", "seed"
REQUIRED = (PARAMETERS, ANNOTATIONS, ENTROPY)
CONDITIONS = ("paradigm", "source", "temperature", "negatives")
"""Columns that all points of one fit must share, where the file has them."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}([,.'_ \u00a0\u202f]\d{3})+", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
_DOTTED = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}", re.ASCII)
_MOST = 1e30
_LARGEST_AT_LEAST = {PARAMETERS: 1000, ANNOTATIONS: 100}
"""If even the largest count is smaller, counts are surely in thousands, millions or billions."""


@dataclass(frozen=True)
class Points:
    """Measurements, one a place in every sequence.

    Args:
        path: the file, for messages.
        sha256: of the file's bytes.
        lines: where each stands in the file.
        sizes: ``parameters``, ``annotations`` and ``entropy``: float64 [points] each.
        columns: all columns of the file as text, by name.
    """

    path: Path
    sha256: str
    lines: tuple[int, ...]
    sizes: Mapping[str, Array]
    columns: Mapping[str, Sequence[str]]

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def entropy(self) -> Array:
        """In nats: float64 [points]."""
        return self.sizes[ENTROPY]

    def only(self, chosen: Sequence[bool] | np.ndarray) -> "Points":
        """The points at which ``chosen`` is true."""
        places = [place for place, one in enumerate(chosen) if one]
        return Points(
            self.path,
            self.sha256,
            tuple(self.lines[place] for place in places),
            {name: values[places] for name, values in self.sizes.items()},
            {name: [values[i] for i in places] for name, values in self.columns.items()},
        )

    def error(self, place: int, problem: str) -> EncoderError:
        """An error about one of the points."""
        return EncoderError(f"{self.path}, line {self.lines[place]}: {problem}")


def read_points(path: Path) -> Points:
    """Read a file of points.

    Raises:
        EncoderError: it cannot be read, has no such columns, or a value is no positive number;
            names file, line and cure.
    """
    rows = _rows(path)
    if not rows:
        raise EncoderError(
            f"{path}: is empty. A file of points begins with the line {','.join(REQUIRED)}."
        )
    (first, header), *body = rows
    names = _header(f"{path}, line {first}", header)
    if not body:
        raise EncoderError(f"{path}: has a header, but no points.")
    for line, row in body:
        if len(row) != len(names):
            raise EncoderError(
                f"{path}, line {line}: has {len(row)} values, but the header {len(names)}. Write a "
                "decimal point, no thousands separators, and values that hold commas in quotes."
            )
    columns = {name: [row[i].strip() for _, row in body] for i, name in enumerate(names) if name}
    lines = tuple(line for line, _ in body)
    points = Points(
        path,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        lines,
        {
            name: np.array(
                [
                    _positive(path, line, name, text)
                    for line, text in zip(lines, columns[name], strict=True)
                ]
            )
            for name in REQUIRED
        },
        columns,
    )
    _require_singles(points)
    return points


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Lines that are not blank, with their numbers."""
    text = read_text(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows = []
    begun = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((begun, row))
            begun = reader.line_num + 1
    except csv.Error as error:
        _require_commas(f"{path}, line 1", text.partition("\n")[0])
        raise EncoderError(f"{path}, line {begun}: is not valid CSV ({error}).") from None
    return rows


def _require_commas(place: str, header: str) -> None:
    """Refuse other separators than commas."""
    if "," in header:
        return
    for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if separator in header:
            raise EncoderError(
                f"{place}: columns are separated by {word}. Separate them by commas, and write "
                "decimals with a point."
            )


def _header(place: str, header: list[str]) -> list[str]:
    """Names of the columns; empty for one without a name, as spreadsheets and tables add."""
    names = [name.strip() for name in header]
    _require_commas(place, ",".join(header))
    repeated = [name for i, name in enumerate(names) if name and name in names[:i]]
    if repeated:
        raise EncoderError(f"{place}: the column '{repeated[0]}' occurs twice. Leave one out.")
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        hints = [nearest(name, [one for one in names if one not in REQUIRED]) for name in missing]
        hint = next((one for one in hints if one), "")
        many = "columns" if len(missing) > 1 else "column"
        raise EncoderError(
            f"{place}: the {many} {listed(missing)} {'are' if len(missing) > 1 else 'is'} missing. "
            f"The first line must name {listed(list(REQUIRED))}.{hint}"
        )
    return names


def _positive(path: Path, line: int, name: str, text: str) -> float:
    place = f"{path}, line {line}: {name}"
    if not text:
        raise EncoderError(f"{place} is empty. Give a number, or leave the line out.")
    if not _NUMBER.fullmatch(text):
        raise EncoderError(f"{place} is '{text[:40]}', which is no number. {_cure(text)}")
    value = float(text)
    if value <= 0:
        raise EncoderError(f"{place} is {text[:40]}, but must be above 0.")
    if not 1 / _MOST < value < _MOST or not math.isfinite(value):
        raise EncoderError(f"{place} is {text[:40]}, which is out of all bounds.")
    if name != ENTROPY:
        _require_count(place, text[:40], value)
    return value


def _require_count(place: str, text: str, value: float) -> None:
    if value < 1:
        raise EncoderError(f"{place} is {text}, but must be at least 1.")
    if _DOTTED.fullmatch(text):
        raise EncoderError(
            f"{place} is {text}, which is {value:g} to some and {text.replace('.', '')} to others. "
            "Write it without a point."
        )
    if value < _LARGEST_AT_LEAST[PARAMETERS] and value != int(value):
        raise EncoderError(
            f"{place} is {text}, but counts are whole. If it is in thousands, millions or "
            "billions, write the number itself, as 1100000 or 1.1e6."
        )


def _require_singles(points: Points) -> None:
    for name, least in _LARGEST_AT_LEAST.items():
        place = int(points.sizes[name].argmax())
        largest = points.sizes[name][place]
        if largest < least:
            raise points.error(
                place,
                f"the largest {name} are {largest:g}, so they seem to be in thousands, millions or "
                "billions. Write the numbers themselves, as 7000000000 or 7e9.",
            )


def _cure(text: str) -> str:
    if _GROUPED.fullmatch(text):
        return "Leave thousands separators out, and write decimals with a point."
    if _DECIMAL_COMMA.fullmatch(text):
        return "Write the decimal point as '.'."
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return "Leave a measurement that failed out."
    return "Write it as 0.25, 1000000 or 1e6."
