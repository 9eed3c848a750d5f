"""The written form of an encoder: its name, and options behind it."""

import json
import re
from pathlib import Path

from llm_encoders.config import CONTRACT_KEYS, FILE_KEYS
from llm_encoders.errors import UsageError, nearest

SPEC_OPTIONS = ("paradigm", "like", "backbone", "device", "dtype", "quantization")
"""Options of :func:`llm_encoders.load_encoder` that can be written; all other options are keys of
a contract."""
_OPTION = re.compile(r",([a-z_]+)=")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"(?=,[a-z_]+=|\Z)', re.DOTALL)
_QUOTATION_MARKS = tuple("\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb")
_OPTION_INSIDE = re.compile(r"(?P<comma>,?)\s*(?<![\w-])(?P<word>[^\W\d_][\w-]*)\s*=")
_ESCAPE = re.compile(r"\\[nrt]")


def parse_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Split ``NAME[,option=value]…`` into the name and its options.

    The written form works wherever only a name can be passed, e.g. ``--encoder
    my/adapter,dtype=float32,backbone=/models/llama``. Options are those of
    :func:`llm_encoders.load_encoder` and the keys of a contract. A value may hold commas, up to
    the next ``,option=``; in double quotes, as a JSON string, it may hold anything. An existing
    path is never split, not even with options behind it.

    Returns:
        The name, and the options: those of ``load_encoder`` as they are meant, keys of a contract
        as they are written, quotes included.

    Raises:
        UsageError: the name is empty; an option is unknown (names the nearest), given twice or no
            JSON string in spite of its quotes, or its value looks like something else.
    """
    if not spec.strip():
        raise UsageError("The encoder's name is empty; name one, e.g. llm-splade-tiny.")
    if _exists(spec):
        return spec, {}
    name, options = _split(spec)
    known = (*SPEC_OPTIONS, *(key for key in CONTRACT_KEYS if key not in SPEC_OPTIONS))
    for key in options:
        if key not in known:
            keys = [one for one in known[len(SPEC_OPTIONS) :] if one not in FILE_KEYS]
            raise UsageError(
                f"Encoder '{spec}': unknown option '{key}'.{nearest(key, known)} Options: "
                f"{', '.join(SPEC_OPTIONS)}, and the keys of a contract "
                f"({', '.join(keys)}). A value that is to hold ',{key}=' itself goes in double "
                "quotes."
            )
    if not name.strip():
        raise UsageError(f"Encoder '{spec}': the name before the options is empty.")
    for inside in _OPTION_INSIDE.finditer(name):
        word = _plain(inside["word"])
        if inside["comma"] and word in known and not _exists(name):
            raise UsageError(
                f"Encoder '{spec}': write ',{word}=' without blanks in place of "
                f"'{inside[0].strip()}'."
            )
    return name, options


def require_line_ends(name: str, text: str) -> None:
    """Refuse a text with a line end written as an escape, which no shell makes one of by itself.

    Raises:
        UsageError: says what ``name`` holds, and how to write a line end.
    """
    if escape := _ESCAPE.search(text):
        raise UsageError(
            f"{name} holds {escape[0]} as two characters. For a line end or tab write it as bash "
            f"does: $'…{escape[0]}…'."
        )


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")


def _split(spec: str) -> tuple[str, dict[str, str]]:
    """The name, and every option with its value."""
    match = _first_option(spec)
    name = spec[: match.start()] if match else spec
    options: dict[str, str] = {}
    while match:
        key, start = match[1], match.end()
        quoted = _QUOTED.match(spec, start)
        match = _OPTION.search(spec, quoted.end() if quoted else start)
        value = spec[start : match.start() if match else len(spec)]
        if key in options:
            raise UsageError(f"Encoder '{spec}': '{key}' is given twice.")
        if not quoted:
            _require_plain(spec, key, value)
        options[key] = _unquoted(key, value) if quoted and key in SPEC_OPTIONS else value
    return name, options


def _first_option(spec: str) -> re.Match[str] | None:
    """Where the options begin: behind the longest path that exists, else at the first."""
    found = [*_OPTION.finditer(spec)]
    behind_paths = (one for one in reversed(found) if _exists(spec[: one.start()]))
    return next(behind_paths, found[0] if found else None)


def _require_plain(spec: str, key: str, value: str) -> None:
    """Refuse what a value without quotes seldom means: it would be taken as it is.

    Raises:
        UsageError: a quotation mark at the beginning, a line end written as an escape, or another
            option in another spelling.
    """
    place = f"Encoder '{spec}': the value of '{key}'"
    if value.startswith(_QUOTATION_MARKS):
        raise UsageError(
            f"{place} starts with a quotation mark, but is no text in double quotes up to its end "
            'or the next option. Write it as JSON, as in query_prefix="query: ", or without quotes.'
        )
    if key not in CONTRACT_KEYS:
        return
    if escape := _ESCAPE.search(value):
        raise UsageError(
            f"{place} holds {escape[0]}, which stands for itself without quotes. Put the value in "
            f'double quotes for a line end or tab, as in {key}="…{escape[0]}…".'
        )
    for inside in _OPTION_INSIDE.finditer(value):
        word = _plain(inside["word"])
        if inside["comma"] or word in (*SPEC_OPTIONS, *CONTRACT_KEYS):
            raise UsageError(
                f"{place} holds '{inside[0].strip()}'. For another option write ',{word}=' without "
                "blanks; a value that is to hold this itself goes in double quotes."
            )


def _unquoted(key: str, text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        raise UsageError(f"{key}: {text} is no JSON string.") from None


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # too long for a path
        return False
