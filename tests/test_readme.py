"""The blocks of the README, pasted into a shell."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llm_encoders import registry
from tests.conftest import REPOSITORY
from tests.llm_encoders.checkpoints.test_agreement import MINIATURES
from tests.llm_encoders.conftest import beir  # noqa: F401

pytestmark = pytest.mark.slow

QUICKSTART = re.compile(r"python -m pyserini_ext.quickstart --collection (\S+) --output (\S+)")
NOT_RUN = {
    "README.md": {
        "": "names a model of 8B parameters",
        "Install": "installs; continuous integration does so before the tests",
        "Encoders": "options, not commands",
        "Tests": "the tests themselves",
    },
}


def blocks(name: str) -> list[tuple[str, str, str]]:
    """(heading, language, text) of every code block of a page."""
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    found, heading = [], ""
    pattern = re.compile(r"^## ([^\n]+)$|^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    for match in pattern.finditer(text):
        if match[1]:
            heading = match[1]
        else:
            found.append((heading, match[2], match[3]))
    return found


def script(name: str, heading: str, language: str = "bash") -> str:
    return "".join(
        text for place, kind, text in blocks(name) if place == heading and kind == language
    )


def paste(text: str, folder: Path, python: Path) -> str:
    """What a shell prints that is given the text in a folder; every command must succeed.

    ``python`` is what the commands find under that name.
    """
    result = subprocess.run(
        ["bash", "-ec", text],
        cwd=folder,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PATH": f"{python.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
    )
    assert result.returncode == 0, result.stdout[-1000:] + result.stderr[-3000:]
    return result.stdout


def with_collection(text: str, made: Path) -> str:
    """The text on a small collection, without the installation.

    Args:
        text: commands.
        made: what the quickstart makes of it, copied where the text runs the quickstart again.
    """
    text = text.replace("make quickstart\n", f"cp -r {made} quickstart\n")
    text, count = QUICKSTART.subn(rf"cp -r {made} \2", text)
    assert count == 1
    return text


@pytest.fixture
def folder(tmp_path) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    for name in ("llm_encoders", "reproductions"):  # what relative paths of a clone name
        (work / name).symlink_to(REPOSITORY / name)
    return work


@pytest.fixture
def made(once, warm_executable) -> Path:
    """What README's command for collections in BEIR layout makes of onboarding.md's collection.

    What it printed is in ``shown.txt`` beside it.
    """

    def make(folder: Path) -> None:
        paste(
            next(text for _, _, text in blocks("onboarding.md") if "mine/corpus" in text),
            folder,
            warm_executable,
        )
        text = script("README.md", "Quickstart").replace("make quickstart\n", "")
        command = "python -m pyserini_ext.quickstart --collection mine --output made"
        shown = paste(QUICKSTART.sub(command, text), folder, warm_executable)
        (folder / "shown.txt").write_text(shown, encoding="utf-8")

    return once("quickstart-of-the-pages", make) / "made"


def test_every_block_is_known():
    for name, reasons in NOT_RUN.items():
        headings = {heading for heading, language, _ in blocks(name) if language}
        assert reasons.keys() <= headings
        assert len(headings) > len(reasons)


def test_every_published_encoder_is_in_the_table_of_what_loads():
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    table = text[text.index("| what the repository holds |") :].split("\n\n")[0]
    names: list[str] = []
    for word in re.findall(r"`([^`]+)`", table):
        stem = names[-1].rpartition("-")[0] if word.startswith("-") else ""
        names.append(stem + word)
    ours = {name for name in registry.presets() if name.startswith("llm-")}
    assert sorted(names) == sorted(registry.presets().keys() - ours)


def test_miniatures_of_the_table_are_those_of_the_tests():
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    table = text[text.index("| what the repository holds |") :].split("\n\n")[0]
    named = {word for row in table.splitlines()[2:-2] for word in row.split("|")[3].split(", ")}
    tested = {repository.partition("/")[2] for repository in MINIATURES.values()}
    assert {name.strip() for name in named} == tested


def test_training_block(folder, beir, made, warm_executable):  # noqa: F811
    text = script("README.md", "Training")
    text = re.sub(r"^C=.*$", f"C={beir}", text, flags=re.MULTILINE)
    text = re.sub(r"^T=.*$", "T=llm-dense-tiny", text, flags=re.MULTILINE)
    assert text.count(str(beir)) == 1 and "T=llm-dense-tiny" in text
    shown = paste(with_collection(text, made), folder, warm_executable)
    assert re.search(r"ndcg_cut_10\s+all\s+[01]\.\d+", shown)
    assert len((folder / "run.mine.txt").read_text().splitlines()) > 9


def test_blocks_of_the_readme(folder, made, warm_executable):
    done = {"Training", "Scaling laws", *NOT_RUN["README.md"]}
    text = ""
    for heading in dict.fromkeys(place for place, _, _ in blocks("README.md")):
        if heading not in done:
            text += script("README.md", heading)
            if python := script("README.md", heading, "python"):
                text += f"python - <<'EOF'\n{python}EOF\n"
    shown = paste(with_collection(text, made), folder, warm_executable)
    assert len(re.findall(r"ndcg_cut_10\s+all\s+[01]\.\d+", shown)) == 3
    assert (folder / "run.direct.txt").read_bytes() == (folder / "run.sparse.txt").read_bytes()
