"""Commands as processes that need not import everything first: forks of one that has.

Half a Pyserini command's time is its imports. What is imported here is what Pyserini and we import
of other packages; Pyserini itself, whose import starts a Java machine, is left to each command.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import warm_client

MODULES = (
    *("torch", "transformers", "faiss", "onnxruntime", "openai", "pandas", "scipy.stats"),
    *("sklearn.preprocessing", "safetensors.torch", "tokenizers", "pyarrow", "peft", "accelerate"),
    *("transformers.trainer", "requests", "httpcore", "tiktoken"),
)
NAMES = ("AutoModel", "AutoTokenizer", "AutoModelForCausalLM", "LlamaForCausalLM", "LlamaModel")
PACKAGES = ("pyserini.", "pyserini_ext.", "llm_encoders.", "torch.distributed.run")
READ_AT_IMPORT = (
    *("PYTHONUTF8", "PYTHONIOENCODING", "LC_", "LANG", "HF_", "TRANSFORMERS_", "OMP_", "CUDA_"),
    "PYSERINI_EXT_HOOK",
)
"""First letters of variables that imports read: a command with others is a fresh process."""


class WarmPython:
    """A file ``python`` that runs scripts and ``-m MODULE …`` as forks of one process.

    Attributes:
        executable: takes the place of ``sys.executable``; the process starts with its first use.
    """

    def __init__(self, folder: Path) -> None:
        address = folder / "socket"
        client = [sys.executable, "-I", "-S", warm_client.__file__, address, sys.executable]
        words = shlex.join([*map(str, client), ",".join(PACKAGES)])
        self._address = address
        self.executable = folder / "python"
        self.executable.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        self.executable.chmod(0o755)
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.warm_python", str(address), str(self.executable)],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self._server.stdout is not None
        self._server.stdout.readline()  # it listens

    def start(self, *words: object) -> tuple[int, Callable[[], int]]:
        """Process id of a command that prints nothing, and a function that waits for its code."""
        task = {"words": [*map(str, words)], "cwd": os.getcwd(), "environment": dict(os.environ)}
        with open(os.devnull, "r+") as nothing:
            child, wait = warm_client.start(str(self._address), task, [nothing.fileno()] * 3)
        assert child
        return child, wait

    def close(self) -> None:
        """Stop the process that is forked."""
        self._server.kill()
        self._server.wait()


def serve(address: str, executable: str) -> None:
    """Fork a process for each connection, which runs the command and waits for it."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    before = dict(os.environ)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        print("listening", flush=True)
        for name in MODULES:
            importlib.import_module(name)
        transformers = importlib.import_module("transformers")
        for name in NAMES:
            getattr(transformers, name)
        gc.freeze()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                answer(connection, executable, before)
            connection.close()


def answer(connection: socket.socket, executable: str, before: dict[str, str]) -> None:
    """Run the command that a client sends, and send its exit code; never returns.

    Args:
        connection: of the client.
        executable: what the command finds as ``sys.executable``.
        before: the environment before the imports.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    length, streams, _, _ = socket.recv_fds(connection, 10, 3)
    task = json.loads(connection.makefile("rb").read(int(length)))
    set_by_imports = {k: v for k, v in os.environ.items() if before.get(k) != v}
    task["environment"] = {**set_by_imports, **task["environment"]}
    if read_at_import(task["environment"]) != read_at_import(dict(os.environ)):
        connection.sendall(b"0\n")  # the client does it itself
        os._exit(0)
    child = os.fork()
    if child == 0:
        connection.close()
        run_command(task, streams, executable)
    connection.sendall(f"{child}\n".encode())
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(child)
    if connection in select.select([ended, connection], [], [])[0]:  # the client was killed
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(OSError):
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def read_at_import(environment: dict[str, str]) -> dict[str, str]:
    """The part of an environment that has taken effect already."""
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_IMPORT)}


def run_command(task: dict[str, Any], streams: list[int], executable: str) -> None:
    """Become the command; never returns."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(task["environment"])
    os.chdir(task["cwd"])
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[1:1] = [path for path in paths if path and path not in sys.path]
    first, *words = task["words"]
    sys.argv, sys.executable, sys.orig_argv = (
        [first, *words],
        executable,
        [executable, first, *words],
    )
    code: Any = 0
    try:
        if first == "-m":
            module = words.pop(0)
            sys.path[0], sys.argv = task["cwd"], ["-m", *words]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = str(Path(first).resolve().parent)
            runpy.run_path(first, run_name="__main__")
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    serve(*sys.argv[1:])
