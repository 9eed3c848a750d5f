"""Appending a measurement to a file of points."""

import csv
import io
from collections.abc import Collection, Mapping
from pathlib import Path

from llm_encoders.errors import UsageError, listed
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.lock import locked
from llm_encoders.reading import read_text
from llm_encoders.scaling.fit.points import CONDITIONS, REQUIRED, SEED

_TELLING = (SEED, *CONDITIONS)
"""Columns by which points that must not be mixed are told apart."""


def require_points(path: Path, told: Collection[str]) -> None:
    """Refuse a file that is there and cannot take a point, before anything is measured.

    Args:
        path: see :func:`append_point`.
        told: columns that the point will have a value for.

    Raises:
        UsageError: it lacks one of the columns that every point has, or one of those by which
            points are told apart.
    """
    if path.exists():
        _require_telling(path, _header(path, read_text(path)), told)


def append_point(path: Path, point: Mapping[str, str]) -> None:
    """Append a measurement; the file is begun where there is none.

    Args:
        path: CSV with a header. Columns that the measurement does not have stay empty.
        point: values by column.

    Raises:
        EncoderError: the header lacks a column for something by which points are told apart;
            nothing is written. Or another process is writing.
    """
    lock = path.with_name(f".{path.name}.lock")
    with locked(lock, f"Another process is writing to {path}; give the command again."):
        text = read_text(path) if path.exists() else ""
        names = _header(path, text) if text else list(point)
        _require_telling(path, names, [name for name, value in point.items() if value])
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        if not text:
            writer.writerow(names)
        writer.writerow([point.get(name, "") for name in names])
        between = "" if not text or text.endswith("\n") else "\n"
        write_atomically(path, text + between + lines.getvalue())


def _header(path: Path, text: str) -> list[str]:
    names = [name.strip() for name in next(csv.reader(io.StringIO(text)), [])]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise UsageError(
            f"{path}, line 1: {_absent(missing)}, so this is no file of points; name another. "
            "Columns are separated by commas."
        )
    return names


def _require_telling(path: Path, names: Collection[str], told: Collection[str]) -> None:
    missing = [name for name in _TELLING if name in told and name not in names]
    if missing:
        raise UsageError(
            f"{path}, line 1: {_absent(missing)}, by which points are told apart. Add what is "
            "missing to every line, or name another file."
        )


def _absent(names: list[str]) -> str:
    many = len(names) > 1
    return f"the {'columns' if many else 'column'} {listed(names)} {'are' if many else 'is'} absent"
