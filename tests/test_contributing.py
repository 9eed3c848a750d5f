"""What contributors and readers who cite start from: the hooks and the citation."""

import ast
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY

ARXIV = {
    "arXiv:2502.15526": ("Scaling Sparse and Dense Retrieval in Decoder-Only LLMs", 3),
    "arXiv:2411.15766": ("ScalingNote: Scaling up Retrievers", 15),
    "arXiv:2403.18684": ("Scaling Laws For Dense Retrieval", 7),
}


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
