"""The floors of the house: contracts that bite, and a science that stands without the bridge."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PACKAGES = ("llm_encoders", "pyserini_ext")
STARTS = re.compile(
    r"(subprocess|runpy|pty)(\..+)?|os\.(system|popen|exec\w+|spawn\w+|posix_spawn\w*)"
    r"|pyserini(_ext)?(\.\w+)+"
)
BLOCKED = ("pyserini", "pyserini_ext", "faiss", "jnius", "jnius_config", "ray")

_IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
blocked = sys.argv[1].split()

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *rest):
        return None if name.partition(".")[0] in blocked else self.finder.find_spec(name, *rest)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Without, sys.meta_path)
for name in [n for n in sys.modules if n.partition(".")[0] in blocked]:
    del sys.modules[name]
import llm_encoders
modules = [m.name for m in pkgutil.walk_packages(llm_encoders.__path__, "llm_encoders.")]
for module in modules:
    importlib.import_module(module)
print(*modules)
"""


@pytest.fixture
def house(tmp_path):
    """A copy of the packages' sources and of the contracts."""
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("*.py"):
            copy = tmp_path / path.relative_to(REPOSITORY)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    return tmp_path


def lint(folder):
    pytest.importorskip("importlinter", reason="needs import-linter: pip install '.[lint]'")
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_house_stands(house):
    result = lint(house)
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("room", "imported"),
    [
        ("llm_encoders/train/run.py", "pyserini_ext.java"),
        ("llm_encoders/evaluation/__init__.py", "faiss"),
        ("llm_encoders/mine_negatives/job.py", "pyserini.search"),
        ("llm_encoders/train/run.py", "llm_encoders.score.job"),
        ("llm_encoders/export/job.py", "llm_encoders.train.output"),
        ("llm_encoders/encoding/encoder.py", "llm_encoders.evaluation"),
        ("llm_encoders/corpora/records.py", "llm_encoders.checkpoints"),
        ("llm_encoders/errors.py", "llm_encoders.config"),
        ("pyserini_ext/encode/job.py", "pyserini_ext.bridge.names"),
        ("pyserini_ext/indexes/lucene.py", "pyserini_ext.encode.job"),
        ("pyserini_ext/java.py", "pyserini_ext.commands"),
    ],
)
def test_a_forbidden_import_is_found(house, room, imported):
    with (house / room).open("a", encoding="utf-8") as stream:
        stream.write(f"\n\ndef _forbidden():\n    import {imported}\n")
    result = lint(house)
    assert result.returncode != 0
    assert room.removesuffix(".py").replace("/__init__", "").replace("/", ".") in result.stdout


def test_a_room_without_a_floor_is_found(house):
    (house / "llm_encoders" / "attic.py").touch()
    result = lint(house)
    assert result.returncode != 0 and "llm_encoders.attic" in result.stdout


def test_no_import_is_excused():
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    assert not any("ignore_imports" in contract for contract in contracts)
    assert {"llm_encoders", "pyserini_ext"} == {
        c for k in contracts for c in k.get("containers", [])
    }


def starts_the_bridge(source):
    """What in a module's source starts a process, or names a module of the bridge to import."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.append(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value.split()
            found += words if len(words) == 1 else []
    return [name for name in found if name and STARTS.fullmatch(name)]


@pytest.mark.parametrize(
    "line",
    [
        "import subprocess",
        "from subprocess import run",
        "import os; os.execv('python', [])",
        "from os import system",
        "importlib.import_module('pyserini_ext.rankers')",
        "__import__('pyserini.search', fromlist=['*'])",
        "command = ['-m', 'pyserini.search.lucene']",
    ],
)
def test_ways_to_start_the_bridge_are_seen(line):
    assert starts_the_bridge(line)


def test_science_does_not_start_the_bridge():
    """Rankers of other packages come by entry points, never by a command."""
    paths = sorted((REPOSITORY / "llm_encoders").rglob("*.py"))
    sources = {str(path): path.read_text(encoding="utf-8") for path in paths}
    found = {path: starts_the_bridge(source) for path, source in sources.items()}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.slow
def test_science_imports_without_the_bridge(python):
    """Every module of llm_encoders, on a machine without Pyserini, Java, FAISS and Ray."""
    imported = python("-c", _IMPORT_EVERYTHING, " ".join(BLOCKED)).stdout.split()
    files = {path for path in (REPOSITORY / "llm_encoders").rglob("*.py")}
    names = {".".join(path.relative_to(REPOSITORY).with_suffix("").parts) for path in files}
    assert {name.removesuffix(".__init__") for name in names} - {"llm_encoders"} == set(imported)
