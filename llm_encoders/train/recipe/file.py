"""Reading recipes from YAML, strictly: every key known, every value of its type."""

import dataclasses
import re
import types
import typing
from pathlib import Path
from typing import Any

import yaml

from llm_encoders.config import EncoderConfig
from llm_encoders.errors import UsageError, nearest
from llm_encoders.train.recipe.errors import RecipeError, line_of
from llm_encoders.train.recipe.recipe import Recipe


def load_recipe(path: str | Path, overrides: typing.Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply ``key=value`` overrides, keys dotted, values in YAML.

    Raises:
        UsageError: an unknown key (names the nearest), a value of the wrong type, a contradiction.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        values = yaml.safe_load(text)
    except OSError as error:
        raise UsageError(f"Cannot read the recipe {path}: {error.strerror}.") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UsageError(f"{path}: expected keys and values.")
    for override in overrides:
        _override(values, override)
    if values.get("start_from") is not None:
        values.setdefault("adapter", None)
    try:
        return _build(Recipe, values, "")
    except UsageError as error:
        replaced = {override.partition("=")[0] for override in overrides}
        place = line_of(getattr(error, "key", ""), text, replaced)
        where = f"{path}, line {place}" if place else str(path)
        where = " ".join([f"{where} with", *overrides]) if overrides else where
        raise UsageError(f"{where}: {error}") from None


def _override(values: dict[str, Any], override: str) -> None:
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
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(f"'{override}': what follows '=' is not valid YAML.") from None


def _build(cls: Any, values: Any, path: str) -> Any:
    """A dataclass of a mapping, recursively."""
    if not isinstance(values, dict):
        section = path.rstrip(".")
        raise RecipeError(section, f"'{section}' must hold keys and values.")
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
    return cls(**found)


def _contract(values: dict[str, Any], path: str) -> EncoderConfig:
    try:
        return EncoderConfig.from_dict(values, path)
    except UsageError as error:
        words = set(re.findall(r"\w+", str(error)))
        key = next((f"{path}.{one}" for one in values if str(one) in words), path)
        raise RecipeError(key, str(error)) from None


def _convert(hint: Any, value: Any, name: str) -> Any:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
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
        if isinstance(value, plain) and (plain is bool or not isinstance(value, bool)):
            if plain is list and not all(isinstance(item, str) for item in value):
                raise RecipeError(name, f"'{name}' is {value!r}; expected a list of names.")
            return value
    wanted = " or ".join(getattr(option, "__name__", str(option)) for option in options)
    raise RecipeError(name, f"'{name}' is {value!r}; expected {wanted}.")
