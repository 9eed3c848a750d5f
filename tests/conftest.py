"""Fixtures shared by all tests."""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.warm_python import WarmPython

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
        help="collections whole, where the default run takes a part of them, and the tests marked "
        "'whole'",
    )


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def warm_server() -> Iterator[WarmPython]:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short
        server = WarmPython(Path(folder))
        yield server
        server.close()


@pytest.fixture(scope="session")
def warm_executable(warm_server) -> Path:
    """Takes the place of ``sys.executable``: has done the imports of other packages."""
    return warm_server.executable


@pytest.fixture
def warm(monkeypatch, warm_executable) -> Path:
    """Whatever a test starts as ``sys.executable`` has done the imports of other packages."""
    monkeypatch.setattr(sys, "executable", str(warm_executable))
    return warm_executable


@pytest.fixture(scope="session")
def python() -> Run:
    """Run ``python …`` in a fresh interpreter; ``code`` is the exit code to insist on."""
    return functools.partial(run_python, sys.executable)


@pytest.fixture(scope="session")
def warm_python(warm_executable) -> Run:
    """As ``python``; a command of ours or of Pyserini's finds other packages imported."""
    return functools.partial(run_python, warm_executable)


@pytest.fixture(scope="session")
def torchrun(warm_executable) -> Run:
    """As ``python``, in two processes of torchrun."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    environment = {"PYTHON_EXEC": str(warm_executable), "OMP_NUM_THREADS": "1"}
    return functools.partial(run_python, warm_executable, *launcher, **environment)


def run_python(
    executable: str | Path, /, *words: object, code: int | None = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run an interpreter with these words, and insist on an exit code."""
    result = subprocess.run(
        [executable, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    if code is not None:
        assert result.returncode == code, result.stdout + result.stderr
    return result


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``--whole``, leave out what repeats at length what another test covers.

    The longest file comes first, so that it does not run alone at the end of a parallel run.
    """
    if not config.getoption("--whole"):
        left_out = [item for item in items if item.get_closest_marker("whole")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("whole")]
    items.sort(key=lambda item: item.path.name != "test_collections.py")
