"""The list of a recipe's keys for ``--help``: default and meaning, from where they are declared."""

import argparse
import dataclasses
import inspect
import textwrap
import types
import typing
from collections.abc import Iterator
from typing import Any

from llm_encoders.config import CONFIG_NAME, FILE_KEYS, EncoderConfig
from llm_encoders.train.recipe.recipe import Recipe
from llm_encoders.train.recipe.trainer import ARGUMENTS
from llm_encoders.train.stages import STAGES

_WIDTH = 92


def recipe_parser(
    prog: str, description: str, example: str, kind: Any = Recipe
) -> argparse.ArgumentParser:
    """The parser of a command that takes a recipe, ``key=value`` and ``--overwrite``.

    Args:
        prog: the command.
        description: what it does.
        example: what stands between the options and the keys.
        kind: of the recipe, whose keys are listed.
    """
    parser = argparse.ArgumentParser(
        prog=prog,
        description=description,
        epilog=f"{example}\nKeys of a recipe, with their defaults\n\n{list_keys(kind)}\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", help="YAML file")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="replaces a recipe's key; a text is taken as it is, other values are YAML",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="start again, even if the output holds a run"
    )
    return parser


def list_keys(kind: Any = Recipe) -> str:
    """All keys of a recipe of this kind, those that are not in a section first."""
    hints = typing.get_type_hints(kind)
    alone = [one for one in dataclasses.fields(kind) if _section(hints[one.name]) is None]
    lines = ["Without a section:", *(line for one in alone for line in _key(one))]
    for one in sorted(dataclasses.fields(kind), key=lambda one: one.name in STAGES):
        section = _section(hints[one.name])
        if section is not None:
            lines += ["", *_section_lines(one.name, section)]
    return "\n".join(lines)


def _section(hint: Any) -> type | None:
    """The dataclass of a section's type, optional or not."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    classes = (one for one in options if isinstance(one, type))
    return next(filter(dataclasses.is_dataclass, classes), None)


def _section_lines(name: str, section: type) -> Iterator[str]:
    if section is EncoderConfig:
        keys = ", ".join(
            one.name for one in dataclasses.fields(section) if one.name not in FILE_KEYS
        )
        meaning = f"The encode contract; a key each of {CONFIG_NAME}: {keys}."
        yield from textwrap.wrap(f"{name}: {meaning}", _WIDTH, subsequent_indent="  ")
        return
    summary = " ".join((inspect.getdoc(section) or "").split("\n\n")[0].split())
    yield from textwrap.wrap(f"{name}: {summary}", _WIDTH, subsequent_indent="  ")
    for one in dataclasses.fields(section):
        yield from _key(one)


def _key(one: "dataclasses.Field[Any]") -> Iterator[str]:
    meaning = one.metadata.get("meaning", "")
    bounds = one.metadata.get("bounds")
    if bounds is not None and bounds.choices and "reference:" not in meaning:
        meaning = f"{meaning} One of {', '.join(bounds.choices)}."
    if one.name == "trainer":
        meaning = f"{meaning} Known: {', '.join(sorted(ARGUMENTS))}."
    first = f"  {one.name} ({_default(one)})  "
    yield from textwrap.wrap(
        first + meaning, _WIDTH, subsequent_indent="      ", break_on_hyphens=False
    )


def _default(one: "dataclasses.Field[Any]") -> str:
    if one.default is not dataclasses.MISSING:
        value: Any = one.default
    elif one.default_factory is not dataclasses.MISSING:
        value = one.default_factory()
    else:
        return "required"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value) or "empty"
