"""Commands as processes that need not import everything first: forks of one that has.

Half a Pyserini command's time is its imports. What is imported here is what Pyserini and we import
of other packages; Pyserini itself, whose import starts a Java machine, is left to each command.
Reads a command as JSON, a line each; answers with its exit code.
"""

import contextlib
import importlib
import json
import os
import runpy
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

MODULES = (
    *("torch", "transformers", "faiss", "onnxruntime", "openai", "pandas", "scipy.stats"),
    *("sklearn.preprocessing", "safetensors.torch", "tokenizers", "pyarrow"),
)
NAMES = ("AutoModel", "AutoTokenizer", "AutoModelForCausalLM", "LlamaForCausalLM", "LlamaModel")
PACKAGES = ("pyserini.", "pyserini_ext.", "llm_encoders.")


class WarmPython:
    """Runs ``python -m MODULE …`` as forks of one process, which is started by the first."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None

    def run(self, module: str, words: list[str], files: Path) -> int:
        """Exit code of the command, as ``subprocess`` gives it.

        Args:
            module: what to run as ``__main__``.
            words: its arguments.
            files: a folder, which takes ``stdout`` and ``stderr``.
        """
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.warm_python"],
                cwd=Path(__file__).parent.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._server.stdin is not None and self._server.stdout is not None
        task = {"module": module, "words": words, "files": str(files), "cwd": os.getcwd()}
        self._server.stdin.write(json.dumps(task | {"environment": dict(os.environ)}) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def close(self) -> None:
        """Stop the process that is forked."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()


def serve() -> None:
    """Fork a process a line and wait for it."""
    for name in MODULES:
        importlib.import_module(name)
    transformers = importlib.import_module("transformers")
    for name in NAMES:
        getattr(transformers, name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run_command(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def run_command(task: dict[str, Any]) -> None:
    """Become the command; never returns."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(f"{task['files']}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(task["environment"])
    os.chdir(task["cwd"])
    sys.path[0] = task["cwd"]
    sys.argv = [task["module"], *task["words"]]
    code: Any = 0
    try:
        runpy.run_module(task["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    serve()
