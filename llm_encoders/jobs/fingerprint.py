"""Fingerprints: "is this the same job?", for training, encoding, mining and scoring.

A fingerprint is a dictionary of everything that the output of a command depends on. Its keys are
words that users know from options and recipes, its values are JSON; nested dictionaries are
compared key by key, so that a message can name what differs.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llm_encoders.errors import UsageError

_SHOWN = 4  # differences named in a message
_LONGEST = 60  # characters of a value in a message; a digest is longer


@dataclass(frozen=True)
class Difference:
    """One key whose values differ."""

    key: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.key} was {_shown(self.old)}, now {_shown(self.new)}"

    def between(self, old: str, new: str) -> str:
        """The values of two jobs that have these names."""
        return (
            f"{self.key}: {_shown(self.old, 'none')} in {old}, {_shown(self.new, 'none')} in {new}"
        )


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def flatten(values: Mapping[str, Any], separator: str = " ") -> dict[str, Any]:
    """Nested dictionaries as one, with the keys of every level joined by ``separator``."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            inner = flatten(value, separator)
            flat |= {f"{key}{separator}{name}": one for name, one in inner.items()}
        else:
            flat[str(key)] = value
    return flat


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], separator: str = " "
) -> list[Difference]:
    """What differs between two fingerprints, by key.

    Both are compared as JSON holds them: a tuple equals a list. A key that is absent equals one
    that is ``None``.
    """
    before = flatten(json.loads(json.dumps(old)), separator)
    now = flatten(json.loads(json.dumps(new)), separator)
    return [
        Difference(key, before.get(key), now.get(key))
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]


def describe(found: list[Difference], shown: int = _SHOWN) -> str:
    """Differences as part of a sentence: the first few, and how many more there are."""
    return _listed([str(one) for one in found], shown)


def contrast(found: list[Difference], old: str, new: str) -> str:
    """As :func:`describe`, of two jobs side by side, neither of which came before the other."""
    return _listed([one.between(old, new) for one in found], _SHOWN)


def _listed(words: list[str], shown: int) -> str:
    more = [f"and {len(words) - shown} more"] if len(words) > shown else []
    return "; ".join([*words[:shown], *more])


def require_same(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    problem: str,
    cure: str,
    separator: str = " ",
) -> None:
    """Refuse to resume what another job has started.

    Args:
        old: the fingerprint of the output that is there.
        new: the fingerprint of the job that is asked for.
        problem: the beginning of the message, for instance ``OUT holds the output of another run``.
        cure: its end, a sentence that says what to do.

    Raises:
        UsageError: they differ; names the differences.
    """
    if found := differences(old, new, separator):
        raise UsageError(f"{problem}: {describe(found)}. {cure}")


def file_fingerprints(paths: Iterable[Path]) -> dict[str, str]:
    """Size and time of modification of every file, as text that a message can show.

    Raises:
        OSError: a file is not there.
    """
    return {str(path): _file_fingerprint(path) for path in paths}


def _file_fingerprint(path: Path) -> str:
    status = path.stat()
    seconds, nanoseconds = divmod(status.st_mtime_ns, 10**9)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{status.st_size:,} bytes of {moment:%Y-%m-%d %H:%M:%S}.{nanoseconds:09d}"


def _shown(value: Any, absent: str = "absent") -> str:
    text = absent if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[:12]}…"
