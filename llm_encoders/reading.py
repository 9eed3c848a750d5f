"""Reading small files whole; their faults are named by file, line or byte, and cure.

Corpora and other files of many lines are streams: :mod:`llm_encoders.corpora.files`.
"""

import codecs
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from llm_encoders.errors import EncoderError


def read_text(path: Path) -> str:
    """The text of a UTF-8 file; a byte-order mark is left out.

    Raises:
        EncoderError: it is no readable file, or not UTF-8; names the byte.
    """
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # a NUL byte in a path is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        raise EncoderError(f"Cannot read {path}: {reason}.") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise EncoderError(
            f"{path}, line {line}: byte {error.start + 1:,} of the file is not UTF-8; convert the "
            "file to UTF-8 (iconv -t UTF-8)."
        ) from None


class _RepeatedKey(Exception):
    """A key that a JSON object has twice."""


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of its pairs, for a JSON decoder, which would take the last of two equal keys."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _RepeatedKey(next(key for key in keys if keys.count(key) > 1))
    return found


# One decoder for all lines, and bytes decoded here: with the check for repeated keys, that parses
# nfcorpus's documents 5 % faster than json.loads, which guesses the encoding of every line, does
# without it. (On lines of 200 impacts the check takes 20 % of the parsing.)
_DECODER = json.JSONDecoder(object_pairs_hook=_distinct)


def parse_json(text: str | bytes, place: str) -> Any:
    """The value of a JSON text, as a rule one line of a file.

    Args:
        text: the JSON; bytes must be UTF-8.
        place: where it stands, for errors: a file, or a file and a line.

    Raises:
        EncoderError: it is not JSON, nested too deeply, has a number of thousands of digits, or
            an object in it has a key twice.
    """
    return _parse(text, place, lambda error: (place, f"{error.msg}, column {error.colno}"))


def _parse(
    text: str | bytes, place: str, where: Callable[[json.JSONDecodeError], tuple[str, str]]
) -> Any:
    try:
        if isinstance(text, bytes):
            # Half a surrogate pair is not the parser's business.
            text = text.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogatepass")
        return _DECODER.decode(text)
    except _RepeatedKey as error:
        raise EncoderError(f"{place}: the key '{error}' occurs twice; leave one out.") from None
    except json.JSONDecodeError as error:
        line, problem = where(error)
        raise EncoderError(f"{line}: not valid JSON ({problem}).") from None
    except UnicodeDecodeError:
        raise EncoderError(f"{place}: not valid UTF-8.") from None
    except RecursionError:
        raise EncoderError(f"{place}: JSON nested too deeply.") from None
    except ValueError:
        raise EncoderError(f"{place}: JSON with a number of thousands of digits.") from None


def read_json(path: Path) -> Any:
    """The value of a JSON file.

    Raises:
        EncoderError: it cannot be read or is not JSON.
    """
    text = read_text(path)
    return _parse(text, str(path), lambda error: (f"{path}, line {error.lineno}", error.msg))


def read_object(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises:
        EncoderError: it holds something else; names the line.
    """
    values = read_json(path)
    if not isinstance(values, dict):
        raise EncoderError(f"{path}: expected a JSON object.")
    return values


def read_record(path: Path) -> dict[str, Any]:
    """As :func:`read_object`, but empty where there is no such file, or it is damaged."""
    try:
        return read_object(path)
    except EncoderError:
        return {}


# YAML 1.1, which PyYAML reads, takes 010 for 8, and 1:30 for 90.
_OTHER_BASES = re.compile(r"[-+]?0[0-9_]+|.*:.*")


class _Strict(yaml.constructor.SafeConstructor):
    """Refuses what PyYAML takes for something else without a word.

    That is a key that a mapping has twice, of which it takes the last, and numbers that are not
    written in base 10 by their look.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key '{key.value}' stands on line {seen[key.value]} as well; "
                    "join the two",
                    problem_mark=key.start_mark,
                )
            if isinstance(key, yaml.ScalarNode):
                seen[key.value] = line
        return super().construct_mapping(node, deep)

    def construct_decimal(self, node: yaml.ScalarNode) -> int | float:
        """A number, if YAML reads it as people do."""
        if _OTHER_BASES.fullmatch(str(node.value)):
            raise yaml.constructor.ConstructorError(
                problem=f"'{node.value}' is a number in base 8 or 60 to YAML; write it in base 10, "
                "or in quotes if it is a text",
                problem_mark=node.start_mark,
            )
        integer = node.tag == "tag:yaml.org,2002:int"
        return self.construct_yaml_int(node) if integer else self.construct_yaml_float(node)


class _StrictLoader(_Strict, yaml.SafeLoader):
    """For files of users."""


class _ShippedLoader(_Strict, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """For files of this package: five times as fast, but libyaml's faults are not sentences."""


_construct: Any = _Strict.construct_decimal  # PyYAML's stubs take loaders of its own only
for _tag in ("int", "float"):
    _Strict.add_constructor(f"tag:yaml.org,2002:{_tag}", _construct)


def parse_yaml(text: str, place: str, *, shipped: bool = False) -> Any:
    """The value of a YAML text, read safely.

    Args:
        text: the YAML.
        place: where it stands, for errors.
        shipped: whether it is a file of this package, which is well formed.

    Raises:
        EncoderError: it is not YAML, a key occurs twice, or a number is written as ``010`` or
            ``1:30``; names the line.
    """
    try:
        return yaml.load(text, Loader=_ShippedLoader if shipped else _StrictLoader)  # both safe
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{place}, line {mark.line + 1}" if mark else place
        problem = " ".join(str(error.problem or error.context).split())
        if problem.startswith("mapping values"):
            problem += "; put a text that holds a colon in quotes"
        raise EncoderError(f"{where}: not valid YAML ({problem}).") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise EncoderError(f"{place}: not valid YAML ({reason}).") from None
    except RecursionError:
        raise EncoderError(f"{place}: YAML nested too deeply.") from None
    except ValueError as error:  # a date that is none, an integer of thousands of digits
        raise EncoderError(f"{place}: not valid YAML ({error}).") from None
