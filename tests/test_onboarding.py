"""The blocks of onboarding.md: they run, and print what the page shows."""

import re

import pytest

from tests.conftest import REPOSITORY
from tests.test_readme import QUICKSTART, blocks, folder, made, paste  # noqa: F401

PAGE = "onboarding.md"
NOT_RUN = {
    "make quickstart": "installs; what it prints depends on the version of Python",
    "+ Results reproduced by": "a line to fill in",
}
BORDER = "\x1e"
INTERACTIVE = """
import code

console = code.InteractiveConsole()
for line in open("typed.txt", encoding="utf-8"):
    console.push(line.rstrip("\\n"))
"""
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def steps() -> list[tuple[str, str, str]]:
    """(language, text, what the page says that it prints) of every block that is run."""
    found: list[tuple[str, str, str]] = []
    ran = False
    for _, language, text in blocks(PAGE):
        if any(text.startswith(mark) for mark in NOT_RUN):
            ran = False
        elif language == "text":
            if ran:
                found[-1] = (*found[-1][:2], text)
        else:
            assert language in ("bash", "python"), text
            found.append((language, text, ""))
            ran = True
    return found


def agrees(expected: str, line: str) -> bool:
    """Whether a line is the expected one: a number may be 1.5 % off, and … is anything."""
    parts = (re.escape(part) for part in NUMBER.sub("\0", expected).split("…"))
    pattern = " +".join(".*".join(parts).replace(r"\ ", " ").split())
    match = re.fullmatch(r" *" + pattern.replace(re.escape("\0"), f"({NUMBER.pattern})"), line)
    if match is None:
        return False
    wanted, shown = (
        [float(word.replace(",", "")) for word in words]
        for words in (NUMBER.findall(expected), match.groups())
    )
    return wanted == pytest.approx(shown, rel=0.015, abs=0.0011)


def compare(expected: str, shown: str) -> None:
    """Every expected line must have been printed, in this order."""
    lines = iter(shown.splitlines())
    for wanted in expected.splitlines():
        assert any(agrees(wanted, line.rstrip()) for line in lines), f"{wanted!r} not in\n{shown}"


@pytest.mark.parametrize(
    ("expected", "line", "agree"),
    [
        ("a 101,071  b", "a  101,072 b", True),
        ("a 1.0082", "a 1.0500", False),
        ("a 3", "a 4", False),
        ("a …", "a 3 and more", True),
        ("a … c", "a 3 b", False),
        ("('x', 2.0) [1]", "('x', 2.001) [1]", True),
        ("a", "b", False),
    ],
)
def test_lines_that_agree(expected, line, agree):
    assert agrees(expected, line) is agree


@pytest.mark.slow
def test_every_block_prints_what_the_page_shows(folder, made, warm_executable):  # noqa: F811
    session = []
    for language, text, expected in steps():
        if language == "python":
            session.append((text, expected))
        elif quickstart := QUICKSTART.search(text):
            paste(f"cp -r {made} {quickstart[2]}", folder, warm_executable)
            compare(expected, (made.parent / "shown.txt").read_text(encoding="utf-8"))
        else:
            compare(expected, paste(text, folder, warm_executable))
    typed = f"\nprint({BORDER!r})\n".join(text for text, _ in session)
    (folder / "typed.txt").write_text(f"{typed}\n", encoding="utf-8")
    (folder / "interactive.py").write_text(INTERACTIVE, encoding="utf-8")
    shown = paste("python interactive.py", folder, warm_executable).split(f"{BORDER}\n")
    for (_, expected), output in zip(session, shown, strict=True):
        compare(expected, output)


def test_answers_are_folded_and_nothing_is_left_open():
    text = (REPOSITORY / PAGE).read_text(encoding="utf-8")
    assert text.count("**Exercise.**") == text.count("<details><summary>Answer</summary>\n\n")
    assert text.count("<details>") == text.count("</details>")
    for place in re.findall(r"\]\(([^)#]+)\)", text):
        assert place.startswith("http") or (REPOSITORY / place).exists(), place
