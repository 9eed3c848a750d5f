"""SIGKILL at random moments, then the same command again: nothing lost, nothing doubled."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from pyserini_ext.folders.manifest import Manifest
from tests.conftest import REPOSITORY
from tests.pyserini_ext.encode.outputs import content, queries_of

pytestmark = pytest.mark.slow
KILLS = {"jsonl": 4, "npz": 4, "faiss": 4, "lucene": 7}
"""How often; the parts are those of JSONL whatever they are made into at the end."""
PARTS = 8


@pytest.fixture
def uninterrupted(in_one_go):
    """Output folder of a run that nobody disturbs, by kind."""
    return lambda kind: in_one_go("dense" if kind == "faiss" else "sparse", *option(kind))


def option(kind):
    return () if kind == "jsonl" else (f"--to-{kind}",)


@pytest.fixture(scope="module")
def start():
    """Start an encode command: every fifth as a fresh interpreter, the others as a fork."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.pyserini_ext.encode.fork_server"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def start(words, number):
        if number % 5 == 0:
            process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
            return process.pid, process.wait
        server.stdin.write(json.dumps(words[3:]) + "\n")
        server.stdin.flush()
        return int(server.stdout.readline()), lambda: int(server.stdout.readline())

    yield start
    server.kill()
    server.wait()


@pytest.mark.parametrize(
    "kind",
    ["jsonl", *(pytest.param(kind, marks=pytest.mark.whole) for kind in KILLS if kind != "jsonl")],
)
def test_killed_again_and_again_and_finished(
    tmp_path, encode_words, run, start, uninterrupted, kind
):
    output = tmp_path / "output"
    words = encode_words("dense" if kind == "faiss" else "sparse", output, *option(kind))
    moments = random.Random(f"{kind} 7")
    kills = tries = survived_parts = 0
    while kills < KILLS[kind]:
        pid, wait = start(words, tries)
        tries += 1
        # Half of the moments lie anywhere from the start on, half in the busy time after a part.
        if moments.random() < 0.5:
            time.sleep(moments.uniform(0, 3))
        else:
            give_up = time.monotonic() + 20
            parts_before = parts_done(output)
            while parts_done(output) == parts_before and time.monotonic() < give_up:
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.3))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        code = wait()
        assert code in (0, -signal.SIGKILL) and tries < 5 * KILLS[kind]
        kills += code == -signal.SIGKILL
        survived_parts = max(survived_parts, parts_done(output))
        if parts_done(output) == PARTS:
            damage(output)  # or there would be nothing left to do
    assert survived_parts > 0
    run(words)
    queries = queries_of(uninterrupted("npz"))
    assert content(kind, output, queries) == content(kind, uninterrupted(kind), queries)
    if kind != "lucene":  # whose segments may be cut otherwise
        assert sorted(os.listdir(output)) == sorted(os.listdir(uninterrupted(kind)))
    assert not [name for name in os.listdir(output) if name.startswith(".")]


def parts_done(folder):
    manifest = Manifest.load(folder)
    return len(manifest.parts) if manifest else 0


def damage(folder):
    """Cut off the end of a finished file, a part's or the index's."""
    if files := [path for path in folder.iterdir() if path.is_file()]:
        victim = max(files, key=lambda path: path.stat().st_size)
        os.truncate(victim, victim.stat().st_size // 2)
