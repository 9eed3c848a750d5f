"""Appending a measurement to a file of points."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from llm_encoders.errors import UsageError, listed
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.lock import locked
from llm_encoders.reading import read_text
from llm_encoders.scaling.fit.points import CONDITIONS, REQUIRED, SEED

_TELLING = (SEED, *CONDITIONS)
"""Columns by which points that must not be mixed are told apart."""


def require_points(path: Path) -> None:
    """Refuse a file that is there and is none of points, before anything is measured.

    Raises:
        UsageError: it lacks one of the columns that every point has.
    """
    if path.exists():
        _header(path, read_text(path))


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
        missing = [name for name in _TELLING if point.get(name) and name not in names]
        if missing:
            raise UsageError(
                f"{path}, line 1: there is no column {listed(missing)}, by which points are told "
                "apart; add it, or name another file."
            )
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
            f"{path}, line 1: there is no column {listed(missing)}, so this is no file of points; "
            "name another."
        )
    return names
