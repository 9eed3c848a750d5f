"""What setup.py puts into a wheel."""

import importlib

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture
def build(tmp_path, monkeypatch):
    """The command that copies the packages into ``tmp_path``."""
    monkeypatch.chdir(REPOSITORY)
    importlib.import_module("setuptools")  # which brings distutils
    run_setup = importlib.import_module("distutils.core").run_setup
    command = run_setup("setup.py", stop_after="init").get_command_obj("build_py")
    command.ensure_finalized()
    command.build_lib = str(tmp_path)
    return command


def test_a_wheel_holds_the_conditions(build, tmp_path, python):
    build.run()
    files = tmp_path / "pyserini_ext" / "conditions" / "files"
    known = sorted((REPOSITORY / "reproductions" / "conditions").glob("*.yaml"))
    assert [path.name for path in sorted(files.iterdir())] == [path.name for path in known]
    assert str(files / "tiny.yaml") in build.get_outputs()
    code = "from pyserini_ext.conditions import *; print(len(load_conditions()), loading.__file__)"
    code = code.replace("import *", "import load_conditions, loading")
    count, place = python("-c", code, PYTHONPATH=str(tmp_path)).stdout.split()
    assert int(count) > 100 and place.startswith(str(tmp_path))


def test_an_editable_installation_reads_those_of_the_clone(build):
    build.editable_mode = True
    assert build._conditions() == []
    sources = [str(path) for path in build.get_source_files()]
    assert "reproductions/conditions/tiny.yaml" in sources
