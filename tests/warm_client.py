"""Stands for ``python``: hands scripts, our commands and Pyserini's to ``warm_python``.

Run as ``python -I -S warm_client.py SOCKET PYTHON PACKAGES WORDS…``. Whatever else ``python`` is
asked for, and whatever the server cannot do alike, is done by the interpreter itself.
"""

import json
import os
import socket
import sys


def start(address, task, streams):
    """Process id of a command (0: not alike), and a function that waits for its exit code."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    message = json.dumps(task).encode()
    socket.send_fds(connection, [b"%10d" % len(message)], streams)
    connection.sendall(message)
    answers = connection.makefile()

    def wait():
        with connection, answers:
            return int(answers.readline())

    return int(answers.readline()), wait


def main() -> int:
    """Exit code of the command, which has our streams, folder and environment."""
    address, interpreter, packages, *words = sys.argv[1:]
    words = words[words[:1] == ["-u"] :]
    ours = words[:1] == ["-m"] and words[1].startswith(tuple(packages.split(",")))
    if ours or (words and words[0].endswith(".py")):
        task = {"words": words, "cwd": os.getcwd(), "environment": dict(os.environ)}
        child, wait = start(address, task, (0, 1, 2))
        if child:
            code = wait()
            if code < 0:
                os.kill(os.getpid(), -code)
            return code
    os.execv(interpreter, [interpreter, *words])


if __name__ == "__main__":
    sys.exit(main())
