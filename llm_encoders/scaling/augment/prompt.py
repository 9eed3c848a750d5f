"""Prompts: a text with places for a passage."""

import re
from pathlib import Path

from llm_encoders.errors import UsageError, nearest
from llm_encoders.reading import read_text

TITLE, TEXT = "title", "text"
DEFAULT = (
    "Title: {title}\nPassage: {text}\n\nA search query that this passage answers, in one line:\n"
)
"""Says what a search query is to a passage, and nothing of a domain, style or language."""
_PLACE = re.compile(r"\{([A-Za-z_]+)\}")


def read_prompt(path: Path) -> str:
    """The prompt of a file, without the line end behind it.

    Raises:
        EncoderError: it cannot be read.
        UsageError: it has no place for the text, or an unknown place.
    """
    prompt = read_text(path).removesuffix("\n").removesuffix("\r")
    require_places(prompt, str(path))
    return prompt


def require_places(prompt: str, name: str) -> None:
    """Refuse a prompt without ``{text}``, or with another word in braces than that and ``{title}``.

    Raises:
        UsageError: says which places there are; ``name`` is the prompt's.
    """
    found = _PLACE.findall(prompt)
    for word in found:
        if word not in (TITLE, TEXT):
            raise UsageError(
                f"{name}: there is no place {{{word}}} in a prompt.{nearest(word, (TITLE, TEXT))} "
                "Write {title} and {text} where those of the passage go, and other words without "
                "braces."
            )
    if TEXT not in found:
        raise UsageError(
            f"{name}: the prompt has no {{text}}, so the model would not read the passage. Write "
            "{text} where its text goes."
        )


def fill(prompt: str, title: str | None, text: str) -> str:
    """The prompt of a passage.

    For a passage without a title, lines with ``{title}`` and no ``{text}`` are left out.

    Args:
        prompt: see :func:`require_places`.
        title: of the passage.
        text: of the passage. Braces in it stand for themselves.
    """
    values = {TITLE: title or "", TEXT: text}
    lines = [
        line
        for line in prompt.splitlines(keepends=True)
        if title or f"{{{TITLE}}}" not in line or f"{{{TEXT}}}" in line
    ]
    return _PLACE.sub(lambda place: values[place[1]], "".join(lines))
