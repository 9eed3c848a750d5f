"""Headings of a text, with the sections below them."""

import re
from collections.abc import Iterator

from llm_encoders.data.pseudo_queries.draft import Draft

_LONGEST = 80
"""Characters of a line that counts as a heading without Markdown."""
_HASHES = re.compile(r" {0,3}#{1,6}[ \t]+(?P<words>.*?)[ \t]*#*[ \t]*")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ANCHOR = re.compile(r"[ \t]*\{#[^}]*\}")
_MARKS = re.compile(r"\*\*|__|`")


def headings(text: str) -> Iterator[Draft]:
    """Every heading with the text from it to the next one, whatever their levels.

    Headings are those of Markdown (``# …``, or underlined by ``=`` or ``-``) outside of fenced
    code. In a text without any, they are lines of at most 80 characters between blank lines, or at
    the beginning of the text before a blank line, that hold a letter, do not begin with a
    lower-case one, and do not end with a punctuation mark of a sentence or list. Text above the
    first heading belongs to none.

    Args:
        text: of a document, with its line ends.
    """
    lines = text.splitlines()
    found = list(_markdown(lines)) or list(_plain(lines))
    for number, (_, below, heading) in enumerate(found, start=1):
        end = found[number][0] if number < len(found) else len(lines)
        section = "\n".join(lines[below:end]).strip()
        yield Draft(heading, section, f"section-{number}")


def _markdown(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """Line of a heading, line below it, and its words."""
    fence = ""
    for number, line in enumerate(lines):
        if mark := _FENCE.match(line):
            fence = "" if mark[1] == fence else fence or mark[1]
        elif fence:
            continue
        elif heading := _HASHES.fullmatch(line):
            yield number, number + 1, _cleaned(heading["words"])
        elif _UNDERLINE.fullmatch(line) and number and _is_paragraph(lines, number - 1):
            yield number - 1, number + 1, _cleaned(lines[number - 1])


def _is_paragraph(lines: list[str], number: int) -> bool:
    """Whether a line is a paragraph of one line, which an underline makes a heading."""
    alone = number == 0 or not lines[number - 1].strip()
    return alone and any(character.isalpha() for character in lines[number])


def _plain(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    for number, line in enumerate(lines):
        words = line.strip()
        before = lines[number - 1].strip() if number else ""
        after = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if words and not before and not after and _is_title(words):
            yield number, number + 1, words


def _is_title(words: str) -> bool:
    letters = any(character.isalpha() for character in words)
    ends = words.endswith((".", "!", ",", ";", ":", "\u3002", "\uff01", "\uff0c", "\uff1b"))
    return letters and len(words) <= _LONGEST and not words[0].islower() and not ends


def _cleaned(words: str) -> str:
    """Without Markdown's links, anchors and marks of bold type and code."""
    return _MARKS.sub("", _LINK.sub(r"\1", _ANCHOR.sub("", words))).strip()
