"""Checks of a contract's values, each fault with the key that it is about."""

from pathlib import PurePath
from typing import Any

from llm_encoders.errors import UsageError, nearest


class ContractError(UsageError):
    """A fault of a contract, and the key that it is about."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


def require_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse a value that is none of ``choices``; names the nearest.

    Raises:
        ContractError: of the key ``name``.
    """
    if value not in choices:
        raise ContractError(
            name,
            f"{name} is {value!r}; choose one of {', '.join(choices)}."
            f"{nearest(str(value), choices)}",
        )


def require_range(name: str, value: float, smallest: float, largest: float) -> None:
    """Refuse a number outside a range, whose ends belong to it, and NaN.

    Raises:
        ContractError: of the key ``name``.
    """
    if not smallest <= value <= largest:  # false for NaN
        shown = f"{value:g}" if isinstance(value, float) else f"{value}"
        raise ContractError(
            name, f"{name} is {shown}; give a number from {smallest:g} to {largest:,.0f}."
        )


def require_inside(name: str, value: str) -> None:
    """Refuse a path that is not that of a folder inside the checkpoint's.

    Raises:
        ContractError: of the key ``name``.
    """
    path = PurePath(value)
    if not value.strip() or path.is_absolute() or ".." in path.parts or not path.parts:
        raise ContractError(
            name, f"{name} is {value!r}; name a folder inside the checkpoint's folder."
        )


def has_type(value: object, annotation: Any) -> bool:
    """Whether a value read from JSON or YAML is of a field's type; an integer is a float, too."""
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and annotation in (float, float | None, float | str)
    ):
        return True
    if isinstance(value, bool) and annotation is not bool:
        return False
    if annotation == tuple[str, ...]:
        return isinstance(value, tuple) and all(isinstance(entry, str) for entry in value)
    return isinstance(value, annotation)


def type_name(annotation: Any) -> str:
    """A field's type in words, for errors."""
    if annotation == tuple[str, ...]:
        return "a list of names"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
