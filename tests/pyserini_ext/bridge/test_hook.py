"""The hook: armed by installation, idle elsewhere, switched off by the environment."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


def test_other_processes_get_the_finder_and_nothing_else():
    """Seen from an interpreter without site-packages, so that nothing was imported before."""
    code = (
        "import os, sys; before = set(sys.modules); sys.path.append(sys.argv[1])\n"
        "import pyserini_ext.bridge.hook; print(*sorted(set(sys.modules) - before))"
    )
    words = [sys.executable, "-S", "-c", code, str(REPOSITORY)]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert shown == ["pyserini_ext", "pyserini_ext.bridge", "pyserini_ext.bridge.hook"]


def test_switched_off(python):
    code = "from pyserini_ext.bridge import hook; print(hook.installed())"
    assert python("-c", code).stdout.strip() == "True"
    assert python("-c", code, PYSERINI_EXT_HOOK="0").stdout.strip() == "False"


@pytest.mark.parametrize("switch", ["1", "0"])
def test_pyserini_is_decorated_unless_switched_off(python, switch):
    code = (
        "from pyserini_ext import java; java.configure()\n"
        "import jnius_config; jnius_config.add_options = lambda *options: None\n"
        "import pyserini.search.lucene._impact_searcher as m\n"
        "print(hasattr(m.LuceneImpactSearcher.batch_search, '__wrapped__'))"
    )
    shown = python("-c", code, PYSERINI_EXT_HOOK=switch, OPENAI_API_KEY="x").stdout
    assert shown.split()[-1] == str(switch == "1")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(folder), str(REPOSITORY)], check=True)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_wheel_holds_hook_presets_and_models(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        record = next(archive.read(n).decode() for n in names if n.endswith("/RECORD"))
    assert {"pyserini_ext.pth", "llm_encoders/py.typed", "pyserini_ext/py.typed"} <= names
    assert record.count("pyserini_ext.pth,sha256=") == 1
    assert "llm_encoders/presets/llm-splade-8b.yaml" in names
    assert "llm_encoders/models/tiny/backbone/model.safetensors" in names
    assert "llm_encoders/models/tiny/sparse/encoder_config.json" in names
    assert not any(name.startswith("tests") for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("editable", [False, True])
def test_install_arms_and_uninstall_disarms(tmp_path, wheel, editable):
    venv.create(tmp_path, with_pip=False)
    python = tmp_path / "bin" / "python"
    site = next(tmp_path.glob("lib/python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(python)]
    options = ["--no-deps", "--no-build-isolation"]
    if editable:  # the build needs setuptools, which the bare environment lacks
        source = Path(next(p for p in sys.path if (Path(p) / "setuptools").is_dir()))
        (site / "builder.pth").write_text(f"{source}\n")
    what = ["-e", str(REPOSITORY)] if editable else [str(wheel)]
    subprocess.run([*pip, "install", *options, *what], check=True)
    assert (site / "pyserini_ext.pth").is_file()
    armed = "from pyserini_ext.bridge import hook; print(hook.installed())"
    run = subprocess.run([python, "-c", armed], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True"
    subprocess.run([*pip, "uninstall", "-y", "pyserini-llm-encoders"], check=True)
    assert not (site / "pyserini_ext.pth").exists()
    subprocess.run([python, "-c", "pass"], check=True)


def test_line_is_silent_once_the_package_is_gone(tmp_path):
    namespace: dict = {}
    source = (REPOSITORY / "setup.py").read_text()
    start = source.index("PTH_LINE = (")
    exec(source[start : source.index(")\n", source.index("pass')")) + 2], namespace)
    line = namespace["PTH_LINE"]
    assert line.startswith("import ") and line.count("\n") == 1
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", line], capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
