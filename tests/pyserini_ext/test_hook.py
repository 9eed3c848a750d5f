"""The hook: armed by installation, idle elsewhere, switched off by the environment."""

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LIST_MODULES = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def modules(python, code="", **environment):
    return set(json.loads(python("-c", f"{code}\n{LIST_MODULES}", **environment).stdout))


def test_other_processes_get_the_finder_and_nothing_else(python):
    ours = {m for m in modules(python) if m.startswith(("pyserini", "llm_encoders"))}
    assert ours == {"pyserini_ext", "pyserini_ext.hook"}
    added = modules(python) - modules(python, PYSERINI_EXT_HOOK="0") - ours
    assert not added


def test_switched_off(python):
    code = "from pyserini_ext import hook; print(hook.installed())"
    assert python("-c", code).stdout.strip() == "True"
    assert python("-c", code, PYSERINI_EXT_HOOK="0").stdout.strip() == "False"


def test_switched_off_leaves_pyserini_as_it_is(python):
    code = (
        "import pyserini.search.lucene._impact_searcher as m; "
        "print(hasattr(m.LuceneImpactSearcher.batch_search, '__wrapped__'))"
    )
    from pyserini_ext import java

    home = str(java.choose().home)
    environment = {"JAVA_HOME": home, "OPENAI_API_KEY": "x"}
    assert python("-c", code, **environment).stdout.split()[-1] == "True"
    off = python("-c", code, PYSERINI_EXT_HOOK="0", PYSERINI_EXT_JAVA="", code=None, **environment)
    if off.returncode == 0:  # a JVM without the vector module cannot start without the hook
        assert off.stdout.split()[-1] == "False"


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
    assert "pyserini_ext.pth" in names
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
    armed = "from pyserini_ext import hook; print(hook.installed())"
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
