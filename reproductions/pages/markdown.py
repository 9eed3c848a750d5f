"""Pieces of Markdown: tables, and blocks of commands that fit a line."""

from collections.abc import Iterable, Sequence

RUNNABLE = "<!-- runnable -->"
"""The line above a block that the tests run."""
_WIDTH = 98


def command(text: str) -> str:
    """A command of one line; one of Python is broken before its options where it is too long."""
    if len(text) <= _WIDTH or not text.startswith("python "):
        return text
    lines, line = [], ""
    for number, part in enumerate(text.split(" --")):
        word = f"--{part}" if number else part
        if line and len(line) + 1 + len(word) > _WIDTH - 2:
            lines.append(f"{line} \\")
            line = f"  {word}"
        else:
            line = f"{line} {word}" if line else word
    if len(line) > _WIDTH and "'" not in line:
        most, _, last = line.rpartition(" ")
        lines, line = [*lines, f"{most} \\"], f"  {last}"
    return "\n".join([*lines, line])


def block(commands: Iterable[str], *, runnable: bool = False) -> str:
    """A fenced block of commands, one after the other.

    Args:
        commands: each one line, or several that are kept as they are.
        runnable: whether the tests run it.
    """
    lines = [one if "\n" in one else command(one) for one in commands]
    mark = f"{RUNNABLE}\n" if runnable else ""
    return f"{mark}```bash\n" + "\n".join(lines) + "\n```\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def warnings(of: str, sentences: Sequence[tuple[str, str]]) -> str:
    """A list of warnings under its heading; empty without any.

    Args:
        of: what gave them, as ``the fits``.
        sentences: each with what it is about.
    """
    if not sentences:
        return ""
    lines = "".join(f"- {about}: {text}\n" for about, text in sentences)
    return f"\nWarnings of {of}:\n\n{lines}"
