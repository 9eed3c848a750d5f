"""A server over small indexes, in a process of its own."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest


@dataclass
class Running:
    """A server that runs in a process of its own."""

    url: str
    ready: str
    config: Path
    """Its ``server.yaml``."""

    def post(self, path: str, body: object) -> object:
        """The answer to a request; that of a refused one with its ``"status"``."""
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}{path}", json.dumps(body).encode(), headers)
        return _read(request)

    def get(self, path: str) -> object:
        return _read(Request(f"{self.url}{path}"))


def _read(request: Request) -> object:
    try:
        with urlopen(request, timeout=60) as response:
            return json.load(response)
    except HTTPError as error:
        return json.load(error) | {"status": error.code}


@pytest.fixture(scope="module")
def server(made, tmp_path_factory) -> Iterator[Running]:
    """REST and MCP over both indexes, started by one command."""
    folder = tmp_path_factory.mktemp("server")
    words = ["--index", made.sparse, made.dense, "--corpus", made.corpus, "--port", 0]
    words += ["--texts", folder / "texts", "--config", folder / "server.yaml"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pyserini_ext.serve", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    ready = process.stdout.readline()
    if not ready:
        pytest.fail(process.communicate()[1])
    found = re.search(r"http://[^/ ]+", ready)
    yield Running(found[0], ready, folder / "server.yaml")
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0
