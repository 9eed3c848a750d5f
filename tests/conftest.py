"""Fixtures shared by all tests."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.warm_python import PACKAGES, WarmPython

REPOSITORY = Path(__file__).parent.parent
DATA_VARIABLE = "LLM_ENCODERS_TEST_DATA"

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test may reach a hub by accident
# Most tests that start a Java machine use it for a second; optimising for longer only costs them.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real collections, genuine small checkpoints and the parity fixture."""
    folder = Path(os.environ.get(DATA_VARIABLE, REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"needs the test data: set {DATA_VARIABLE} to its folder ({folder} is not)")
    return folder


@pytest.fixture(scope="session")
def stories(shared_data: Path) -> Path:
    """A genuine trained Llama of 260 thousand parameters."""
    return shared_data / "models" / "stories260k"


Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory) -> Once:
    """``once(name, make)``: a folder that the first test to ask has filled, by ``make(folder)``.

    Processes that share the tests among them share it, too.
    """
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def once(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = root / "once" / name, root / "once" / f"{name}.done"
        folder.parent.mkdir(exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return once


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--whole",
        action="store_true",
        help="collections whole, where the default run takes a part of them",
    )


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def python() -> Run:
    """Run ``python …`` in a fresh interpreter; ``code`` is the exit code to insist on."""

    def run(*words: object, code: int | None = 0, **environment: str):
        result = subprocess.run(
            [sys.executable, *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **environment},
        )
        if code is not None:
            assert result.returncode == code, result.stdout + result.stderr
        return result

    return run


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory) -> Iterator[Run]:
    """As ``python("-m", MODULE, …)``, in a process that has done the imports of other packages."""
    warm, files = WarmPython(), tmp_path_factory.mktemp("warm")

    def run(option: str, module: str, *words: object, code: int | None = 0):
        assert option == "-m" and module.startswith(PACKAGES)
        found = warm.run(module, [str(word) for word in words], files)
        out, err = ((files / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
        if code is not None:
            assert found == code, out + err
        return subprocess.CompletedProcess([module, *words], found, out, err)

    yield run
    warm.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first, so that it does not run alone at the end of a parallel run."""
    items.sort(key=lambda item: item.path.name != "test_collections.py")
