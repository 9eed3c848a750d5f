"""Errors in a recipe, and the line of the key that they are about."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import yaml

from llm_encoders.errors import EncoderError, UsageError


class RecipeError(UsageError):
    """A fault of a recipe, and the key that it is about.

    Args:
        key: the dotted key that is to be changed; "" if there is none.
        problem: a sentence.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


@contextmanager
def about(key: str) -> Iterator[None]:
    """Say of errors within the block that a key of the recipe led to them.

    Args:
        key: dotted. Errors that name a key themselves stay as they are.

    Raises:
        RecipeError: with the message and the exit code of the error.
    """
    try:
        yield
    except RecipeError:
        raise
    except EncoderError as error:
        found = RecipeError(key, str(error))
        found.exit_code = error.exit_code
        raise found from error


def line_of(key: str, text: str, replaced: Collection[str] = ()) -> int | None:
    """The line, from 1, in which a key, or else the section it is missing from, begins.

    Args:
        key: dotted.
        text: a recipe, valid YAML.
        replaced: keys whose values do not come from the text.

    Returns:
        ``None`` if the text is not to blame, or does not have the key.
    """
    if any(key == one or key.startswith(f"{one}.") for one in replaced):
        return None
    found = None
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for name in key.split("."):
        inner = node.value if isinstance(node, yaml.MappingNode) else []
        match = next(((one, value) for one, value in inner if one.value == name), None)
        if match is None:
            return found
        found, node = match[0].start_mark.line + 1, match[1]
    return found
