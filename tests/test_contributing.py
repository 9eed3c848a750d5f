"""What contributors and readers who cite start from: CONTRIBUTING, the hooks and the citation."""

import ast
import re
import shlex
import shutil
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY

ARXIV = {
    "arXiv:2502.15526": ("Scaling Sparse and Dense Retrieval in Decoder-Only LLMs", 3),
    "arXiv:2411.15766": ("ScalingNote: Scaling up Retrievers", 15),
    "arXiv:2403.18684": ("Scaling Laws For Dense Retrieval", 7),
}


PAGE = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
PLACEHOLDERS = ("NAME", "DIR")
STARTS = ("python", "pip", "make", "ruff", "mypy", "lint-imports", "pre-commit", "source")
ROOMS = "llm_encoders|pyserini_ext|reproductions|tests"


def page_commands() -> list[list[str]]:
    """The words of every command of CONTRIBUTING, in blocks and in sentences."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    inline = [one for one in re.findall(r"`([^`\n]+)`", PAGE) if one.split()[0] in STARTS]
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(part) for line in (*lines, *inline) for part in line.split(" && ")]


def test_every_path_of_the_page_is_there():
    paths = set(re.findall(rf"\b(?:{ROOMS})/[\w./-]*\w", PAGE))
    assert len(paths) > 40
    for path in paths:
        if not any(one in path for one in PLACEHOLDERS):
            assert (REPOSITORY / path).exists(), path
    for file, heading in re.findall(r"\]\(([\w.]*)#([\w-]+)\)", PAGE):
        text = (REPOSITORY / (file or "CONTRIBUTING.md")).read_text(encoding="utf-8")
        headings = [one.lower().replace(" ", "-") for one in re.findall(r"^##+ (.*)$", text, re.M)]
        assert heading in headings


def test_what_the_page_names_in_a_file_is_in_it():
    named = re.findall(r"`(\w+)`\s+(?:of|in)\s+`([\w./-]+\.(?:py|toml))`", PAGE)
    assert len(named) > 9
    for name, path in named:
        assert re.search(rf"\b{name}\b", (REPOSITORY / path).read_text(encoding="utf-8")), name


def test_commands_of_the_page_are_there():
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        markers = {
            one.partition(":")[0]
            for one in tomllib.load(file)["tool"]["pytest"]["ini_options"]["markers"]
        }
    targets = re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(), re.M)
    ours: dict[str, set[str]] = {}
    commands = page_commands()
    assert {words[0] for words in commands} - {"python3"} == {*STARTS}
    for words in commands:
        if words[0] == "make":
            assert set(words[1:]) <= set(targets)
        elif words[:3] == ["python", "-m", "pytest"]:
            for option, value in pairwise(words):
                if option == "-m" and value != "pytest":
                    assert set(re.findall(r"\w+", value)) - {"not", "and"} <= markers
        elif words[:2] == ["python", "-m"]:
            ours.setdefault(words[2], set()).update(w for w in words[3:] if w.startswith("--"))
    assert len(ours) >= 5
    for module, options in ours.items():
        folder = REPOSITORY / module.replace(".", "/")
        assert (folder / "__main__.py").is_file()
        source = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
        assert all(f'"{option}"' in source for option in options - {"--help"}), module


@pytest.fixture(scope="module")
def citation() -> dict:
    return yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))


def setup_keyword(name: str) -> object:
    """The value that ``setup(name=…)`` of setup.py is given."""
    tree = ast.parse((REPOSITORY / "setup.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    (value,) = (
        keyword.value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "setup"
        for keyword in call.keywords
        if keyword.arg == name
    )
    return ast.literal_eval(value)


def test_the_citation_is_of_the_version_that_setup_installs(citation):
    assert citation["version"] == setup_keyword("version")
    assert citation["license"] == setup_keyword("license")
    assert {"cff-version", "message", "title", "authors", "type"} <= citation.keys()


def test_the_citation_names_the_three_papers(citation):
    papers = {paper["identifiers"][0]["value"]: paper for paper in citation["references"]}
    assert papers.keys() == ARXIV.keys()
    for name, paper in papers.items():
        title, authors = ARXIV[name]
        assert paper["title"].startswith(title)
        assert len(paper["authors"]) == authors
        assert all(author.keys() == {"given-names", "family-names"} for author in paper["authors"])
        assert paper["url"] == name.replace("arXiv:", "https://arxiv.org/abs/")


def test_every_hook_runs_a_command_that_make_lint_runs():
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (local,) = hooks["repos"]  # a second repository would be downloaded
    assert local["repo"] == "local"
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (REPOSITORY / "Makefile").read_text(), re.M)
    assert lint
    linted = lint[1].replace("$(VENV)/bin/", "")
    for hook in local["hooks"]:
        assert hook["language"] == "system"
        words = hook["entry"].split()
        assert shutil.which(words[0], path=Path(sys.executable).parent)
        assert "\t" + " ".join(word for word in words if word != "--force-exclude") in linted


def test_what_lint_runs_is_pinned():
    """Two versions of a linter disagree; everybody's must be the same."""
    constraints = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([\w.-]+)==([\w.]+)", constraints, re.M))
    for requirement in setup_keyword("extras_require")["lint"]:
        assert re.match(r"[\w-]+", requirement)[0] in pinned
