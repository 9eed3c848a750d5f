"""Fenced blocks of pages, and the commands that a shell makes of them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reproductions.pages.markdown import RUNNABLE
from tests.conftest import REPOSITORY

TEMPLATES = "templates"
_FENCE = re.compile(
    rf"^(?P<mark>{RUNNABLE}\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
_INLINE = re.compile(r"`(python -m [^`\n]+)`")
_HEREDOC = re.compile(r"<<-?\s*'?(\w+)'?.*?\n.*?^\1$", re.DOTALL | re.MULTILINE)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_DONE = re.compile(r"(?:;|^)\s*done\b.*$", re.MULTILINE)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_SEPARATORS = set("();|&")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: Path
    line: int
    language: str
    runnable: bool
    text: str

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.page.relative_to(REPOSITORY)}, line {self.line}"


def pages() -> list[Path]:
    """Every page with commands: at the top of the repository, and in ``reproductions``."""
    found = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "reproductions").rglob("*.md")]
    return sorted(path for path in found if TEMPLATES not in path.parts)


def blocks(page: Path) -> list[Block]:
    """The blocks of a page that name their language."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, match.start("language")) + 1,
            match["language"],
            bool(match["mark"]),
            match["text"],
        )
        for match in _FENCE.finditer(text)
    ]


def inline_commands(page: Path) -> list[str]:
    """Commands in the text of a page; those with an ellipsis are no whole commands."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return [one for one in _INLINE.findall(text) if "…" not in one]


def shell_text(block: Block) -> str | None:
    """The commands of a block; ``None`` if it holds none.

    In a block of what a terminal shows they are the lines behind a ``$``, if there are such lines.
    """
    if block.language == "bash":
        return block.text
    if block.language != "console":
        return None
    typed = re.findall(r"^\$ ((?:.*\\\n)*.*)", block.text, re.MULTILINE)
    return "\n".join(typed) if typed else block.text


def commands(text: str, variables: dict[str, str] | None = None) -> Iterator[list[str]]:
    """The commands of a shell script, as lists of words, loops unrolled.

    Args:
        text: with assignments, ``for`` loops over words, here-documents, pipes and redirections;
            no functions and no conditions.
        variables: their values by name; those that the text assigns are added.

    Raises:
        ValueError: a quotation is not closed.
    """
    variables = {} if variables is None else variables
    text = _HEREDOC.sub("", text).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    while lines:
        parts = list(_simple_commands(_expand(lines.pop(0), variables)))
        while parts:
            words = parts.pop(0)
            if words[0] != "for":
                yield from _run(words, variables)
                continue
            first = " ; ".join(map(shlex.join, parts))
            body = [first] if _DONE.search(first) else [first, *_until_done(lines)]
            for value in words[3:]:
                yield from commands(_loop_body(body), variables | {words[1]: value})
            parts = []


def _until_done(lines: list[str]) -> Iterator[str]:
    """The lines of a loop's body, and of loops in it, with the line that ends it."""
    depth = 1
    while lines and depth:
        line = lines.pop(0)
        depth += bool(re.match(r"\s*(do\s+)?for\b", line)) - bool(_DONE.search(line))
        yield line


def _loop_body(lines: list[str]) -> str:
    body = re.sub(r"^\s*do\b", "", "\n".join(lines))
    *_, last = _DONE.finditer(body)
    return body[: last.start()]


def _run(words: list[str], variables: dict[str, str]) -> Iterator[list[str]]:
    while words and (match := _ASSIGNMENT.fullmatch(words[0])):
        if len(words) == 1:
            variables[match[1]] = match[2]
        words = words[1:]
    if words:
        yield words


def _expand(line: str, variables: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], match[0]), line)


def _simple_commands(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    skip = False
    for word in lexer:
        if skip:
            skip = False
        elif word and set(word) <= _SEPARATORS:
            if words:
                yield words
            words = []
        elif word and set(word) <= set("<>&"):
            skip = True
        elif word != "do" or words:
            words.append(word)
    if words:
        yield words
