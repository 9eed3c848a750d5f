"""Reading recipes from YAML, strictly: every key known, every value of its type."""

import dataclasses
import re
import reprlib
import types
import typing
from pathlib import Path
from typing import Any

from llm_encoders.config import FILE_KEYS, EncoderConfig
from llm_encoders.contract_values import ContractError
from llm_encoders.errors import EncoderError, UsageError, nearest
from llm_encoders.jobs.arguments import home
from llm_encoders.reading import parse_yaml, read_text
from llm_encoders.train.recipe.errors import RecipeError, line_of
from llm_encoders.train.recipe.recipe import Recipe

Kind = typing.TypeVar("Kind")
_KINDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    list: "a list of texts",
    dict: "keys and values",
    type(None): "null",
}

_NULLS = ("null", "Null", "NULL", "~")
_LOST_SPACES = re.compile(
    r"^[ \t]*(query_prefix|passage_prefix)[ \t]*:[ \t]+[^\s'\"|>#][^\n#]*?[ \t]+\r?$", re.MULTILINE
)


def load_recipe(path: str | Path, overrides: typing.Sequence[str] = ()) -> Recipe:
    """Read a recipe of the trainer; see :func:`read_recipe`."""
    return read_recipe(Recipe, path, overrides)


def read_recipe(kind: type[Kind], path: str | Path, overrides: typing.Sequence[str] = ()) -> Kind:
    """Read a recipe and apply ``key=value`` overrides, keys dotted.

    The value of an override is taken as it is, spaces included, where the key is a text and the
    value is neither in quotes nor ``null``; otherwise it is YAML.

    Args:
        kind: a dataclass whose fields are declared by
            :func:`llm_encoders.train.recipe.options.option`; it checks itself when it is made.
        path: YAML file.
        overrides: applied in order.

    Raises:
        EncoderError: it cannot be read, is not UTF-8, or not YAML; names the line.
        UsageError: an unknown key (names the nearest), a key that occurs twice, a value of the
            wrong type or out of bounds, a contradiction; names the line of the key.
    """
    text = read_text(Path(path))
    _require_spaces(text, str(path))
    values = parse_yaml(text, str(path))
    if not isinstance(values, dict):
        raise UsageError(f"{path}: expected keys and values.")
    for override in overrides:
        _override(values, override, kind)
    if values.get("start_from") is not None:
        values.setdefault("adapter", None)
    try:
        recipe: Kind = _build(kind, values, "")
    except RecipeError as error:
        raise located(error, path, overrides) from None
    return recipe


def _require_spaces(text: str, path: str) -> None:
    """Refuse a prefix that ends with spaces which YAML takes away.

    Raises:
        UsageError: names the line.
    """
    if lost := _LOST_SPACES.search(text):
        line = text.count("\n", 0, lost.start(1)) + 1
        raise UsageError(
            f"{path}, line {line}: YAML takes away the space at the end of {lost[1]}; put the text "
            "in quotes, or remove the space."
        )


def located(error: RecipeError, path: str | Path, overrides: typing.Sequence[str]) -> UsageError:
    """The error with the file, the line of its key, and the overrides that were applied."""
    replaced = {override.partition("=")[0] for override in overrides}
    line = line_of(error.key, read_text(Path(path)), replaced)
    where = f"{path}, line {line}" if line else str(path)
    where = " ".join([f"{where} with", *overrides]) if overrides else where
    found = UsageError(f"{where}: {error}")
    found.exit_code = error.exit_code
    return found


def _override(values: dict[str, Any], override: str, kind: Any) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise UsageError(f"'{override}' is no override; write key=value, e.g. schedule.steps=10.")
    *path, last = key.split(".")
    for part in path:
        inner = values.get(part)
        if inner is None:
            inner = values[part] = {}
        if not isinstance(inner, dict):
            raise UsageError(f"'{override}': '{part}' holds no keys.")
        values = inner
    try:
        literal = _is_text(key, text, kind)
        values[last] = text if literal else parse_yaml(text, "the value")
    except EncoderError as error:
        reason = str(error).partition(": ")[2]
        raise UsageError(f"'{override}': what follows '=' is {reason}") from None


def _is_text(key: str, text: str, kind: Any) -> bool:
    """Whether an override's value is a text as it is, and not YAML."""
    hint: Any = kind
    for name in key.split("."):
        section = next(filter(dataclasses.is_dataclass, _options(hint)), None)
        if section is None:
            return False
        hint = typing.get_type_hints(section).get(name)
    options = set(_options(hint))
    if str not in options or not options <= {str, type(None)}:
        return False
    word = text.strip()
    if not word:
        return type(None) not in options
    return word[0] not in "'\"" and word not in _NULLS


def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _build(cls: Any, values: Any, path: str) -> Any:
    """A dataclass of a mapping, recursively."""
    if not isinstance(values, dict):
        section = path.rstrip(".")
        raise RecipeError(
            section, f"'{section}' is {reprlib.repr(values)}; it must hold keys and values."
        )
    if cls is EncoderConfig:
        return _contract(values, path.rstrip("."))
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in hints:
            name = f"{path}{key}"
            raise RecipeError(name, f"unknown key '{name}'.{nearest(str(key), hints)}")
    found = {key: _convert(hints[key], value, path + key) for key, value in values.items()}
    for one in dataclasses.fields(cls):
        optional = (
            one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
        )
        if one.name not in values and not optional:
            raise RecipeError(path + one.name, f"'{path}{one.name}' is missing.")
        if one.metadata.get("path") and one.name in found:
            found[one.name] = _at_home(found[one.name])
    return cls(**found)


def _at_home(value: Any) -> Any:
    """A path, or a list of them, in which the home folder is not ``~``."""
    if isinstance(value, list):
        return [home(one) for one in value]
    return value if value is None else home(value)


def _contract(values: dict[str, Any], path: str) -> EncoderConfig:
    try:
        contract = EncoderConfig.from_dict(values, path)
    except ContractError as error:
        raise RecipeError(f"{path}.{error.key}", str(error)) from None
    for one in dataclasses.fields(EncoderConfig):  # the defaults stand in recipes that runs write
        if one.name in FILE_KEYS and getattr(contract, one.name) != one.default:
            raise RecipeError(
                f"{path}.{one.name}",
                f"{path}.{one.name} says which files of a checkpoint encode, which is settled when "
                "the encoder is written; leave it out.",
            )
    return contract


def _convert(hint: Any, value: Any, name: str) -> Any:
    options = _options(hint)
    if value is None and type(None) in options:
        return None
    for option in options:
        if dataclasses.is_dataclass(option):
            return _build(option, value, name + ".")
        plain = typing.get_origin(option) or option
        if plain is float and not isinstance(value, bool):
            try:
                return float(value)  # YAML reads 1e-4 as a string
            except (TypeError, ValueError, OverflowError):
                continue
        right = isinstance(value, plain) and (plain is bool or not isinstance(value, bool))
        if right and (plain is not list or all(isinstance(item, str) for item in value)):
            return value
    wanted = " or ".join(_KINDS[typing.get_origin(one) or one] for one in options)
    raise RecipeError(name, f"'{name}' is {reprlib.repr(value)}; expected {wanted}.")
