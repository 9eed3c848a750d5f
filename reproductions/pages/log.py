"""Reproduction logs: who has reproduced which page, kept in ``reproductions/log.yaml``."""

import re
from pathlib import Path
from typing import Any

from llm_encoders.errors import UsageError
from llm_encoders.reading import parse_yaml, read_text

FILE = Path(__file__).parents[1] / "log.yaml"
_KEYS = {
    "page": r"[\w./-]+\.md",
    "user": r"[\w-]+",
    "date": r"\d{4}-\d{2}-\d{2}",
    "repository": r"https://github\.com/[\w.-]+/[\w.-]+",
    "commit": r"[0-9a-f]{40}",
}
_FORM = (
    "+ Results reproduced by [@USER](https://github.com/USER) on YYYY-MM-DD "
    "(commit [`7 HEX`](https://github.com/OWNER/NAME/commit/40 HEX))"
)
_FORMAT = f"Nobody has added a line yet. A line has this form:\n\n```\n{_FORM}\n```\n"
_HOW = """\
To add one, append an entry to [`log.yaml`]({up}log.yaml), which shows its keys, and run
`python -m reproductions.pages`.
"""


def log(page: str) -> str:
    """The section of a page, with its lines by date.

    Args:
        page: its path in ``reproductions``.

    Raises:
        UsageError: an entry of the file lacks a key, or has an unknown or a wrong one.
    """
    entries = [one for one in read_entries(read_text(FILE)) if one["page"] == page]
    lines = [_line(one) for one in sorted(entries, key=lambda one: one["date"])]
    how = _HOW.format(up="../" * page.count("/"))
    return "\n".join(["## Reproduction log\n", "\n".join([*lines, ""]) if lines else _FORMAT, how])


def read_entries(text: str) -> list[dict[str, str]]:
    """The entries of the file.

    Raises:
        UsageError: as :func:`log`.
    """
    values = parse_yaml(text, str(FILE), shipped=True)
    return [_entry(number, one) for number, one in enumerate(values["entries"], start=1)]


def _entry(number: int, values: dict[str, Any]) -> dict[str, str]:
    found = {key: str(value) for key, value in values.items()}
    if found.keys() != _KEYS.keys():
        raise UsageError(f"{FILE}, entry {number}: the keys are {', '.join(_KEYS)}.")
    for key, pattern in _KEYS.items():
        if not re.fullmatch(pattern, found[key]):
            raise UsageError(f"{FILE}, entry {number}: '{found[key]}' is no {key}.")
    return found


def _line(entry: dict[str, str]) -> str:
    commit = f"[`{entry['commit'][:7]}`]({entry['repository']}/commit/{entry['commit']})"
    user = f"[@{entry['user']}](https://github.com/{entry['user']})"
    return f"+ Results reproduced by {user} on {entry['date']} (commit {commit})"
