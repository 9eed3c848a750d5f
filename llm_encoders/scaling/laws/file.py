"""``laws.json``: fitted laws on their way from a fit to a plan, or published ones, by hand.

The shortest file has a law and its values::

    {"format": "llm_encoders.scaling.laws/1",
     "laws": [{"law": "joint", "parameters":
       {"A": 36000, "B": 7100, "alpha": 0.56, "beta": 1.31, "delta": 0.03}}]}

All other keys are those of :class:`llm_encoders.scaling.laws.fitted.FittedLaw`; each may be absent
or null.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.reading import read_object
from llm_encoders.scaling.laws.entries import Entry
from llm_encoders.scaling.laws.exchange import Exchange, read_exchange
from llm_encoders.scaling.laws.fitted import FittedLaw
from llm_encoders.scaling.laws.fitted_json import fitted_json, read_fitted

FORMAT = "llm_encoders.scaling.laws/1"
LAWS_NAME = "laws.json"


@dataclass(frozen=True)
class PointsFile:
    """What the laws were fitted to.

    Args:
        file: its name.
        sha256: of its bytes, in hexadecimal.
        rows: how many points of it were used.
    """

    file: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class LawsFile:
    """Content of a ``laws.json``.

    Args:
        laws: at least one.
        points: ``None`` where they are not known.
        conditions: ``paradigm``, ``source``, ``temperature`` and ``negatives`` of the points, as
            far as the file of points has them and all points share them.
        exchange: what annotations of other sources are worth.
    """

    laws: tuple[FittedLaw, ...]
    points: PointsFile | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
    exchange: tuple[Exchange, ...] = ()

    def find(self, name: str) -> tuple[FittedLaw, ...]:
        """The laws of a name, one a group."""
        return tuple(one for one in self.laws if one.law.name == name)


def laws_text(content: LawsFile) -> str:
    """The file's text; the same content gives the same text."""
    return _lines(
        {
            "format": FORMAT,
            "points": None if content.points is None else dataclasses.asdict(content.points),
            "conditions": dict(content.conditions),
            "laws": [fitted_json(one) for one in content.laws],
            "exchange": [dataclasses.asdict(one) for one in content.exchange],
        }
    )


def write_laws(path: Path, content: LawsFile) -> None:
    """Write the file whole or not at all."""
    write_atomically(path, laws_text(content))


def read_laws(path: Path) -> LawsFile:
    """Read a file of laws strictly.

    Raises:
        EncoderError: it cannot be read, is no file of laws, or a value in it is missing, of the
            wrong kind or out of bounds; names the place in the file.
    """
    entry = Entry.whole(path, read_object(path))
    found = entry.at("format")
    if found is None or found.value != FORMAT:
        written = "no format" if found is None else f"the format {json.dumps(found.value)}"
        raise entry.error(
            f'has {written}; a file of scaling laws has "format": "{FORMAT}", as '
            "'python -m llm_encoders.scaling fit' writes it"
        )
    entry.only("format", "points", "conditions", "laws", "exchange")
    points = entry.at("points")
    conditions = entry.at("conditions")
    laws = entry.needed("laws").items()
    if not laws:
        raise entry.needed("laws").error("is empty; a file of laws has at least one")
    exchange = entry.at("exchange")
    return LawsFile(
        laws=_distinct(laws),
        points=None if points is None else _points(points),
        conditions={} if conditions is None else conditions.texts(),
        exchange=() if exchange is None else tuple(map(read_exchange, exchange.items())),
    )


def _distinct(entries: Sequence[Entry]) -> tuple[FittedLaw, ...]:
    """The laws; refuses one that is there twice, for a plan could follow either."""
    found: dict[tuple[Any, ...], Entry] = {}
    laws = []
    for entry in entries:
        one = read_fitted(entry)
        key = one.law.name, *sorted(one.group.items())
        if key in found:
            group = "".join(f", {name} {value}" for name, value in one.group.items())
            raise entry.error(
                f"is the law {one.law.name}{group} once more, after {found[key].place}; keep "
                "one of them, or give each a group of its own"
            )
        found[key] = entry
        laws.append(one)
    return tuple(laws)


def _points(entry: Entry) -> PointsFile:
    entry.only("file", "sha256", "rows")
    return PointsFile(
        entry.needed("file").text(), entry.needed("sha256").text(), entry.needed("rows").integer(1)
    )


def _lines(value: Any, depth: int = 0) -> str:
    """JSON with an entry a line, but lists of numbers and small objects on one line."""
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    nested = isinstance(value, dict | list) and any(
        isinstance(one, dict | list)
        for one in (value.values() if isinstance(value, dict) else value)
    )
    if not value or (depth and not nested):
        return flat
    indent, end = " " * (depth + 1), " " * depth
    if isinstance(value, Mapping):
        inner = [f"{json.dumps(k)}: {_lines(v, depth + 1)}" for k, v in value.items()]
        opened, closed = "{", "}"
    else:
        assert isinstance(value, Sequence)
        inner, opened, closed = [_lines(one, depth + 1) for one in value], "[", "]"
    return (
        f"{opened}\n{indent}"
        + f",\n{indent}".join(inner)
        + f"\n{end}{closed}"
        + ("" if depth else "\n")
    )
