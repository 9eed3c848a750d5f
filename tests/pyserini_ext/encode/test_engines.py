"""One process, two workers, three shards and Ray: the same bytes."""

import json
import os
import signal
import subprocess
import time

import pytest

from pyserini_ext.folders.state import parts_folder
from tests.pyserini_ext.encode.outputs import files, jsonl_ids

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["sparse", pytest.param("dense", marks=pytest.mark.whole)])
def whole(request, in_one_go):
    """Paradigm, and the output of one process."""
    return request.param, in_one_go(request.param)


def test_two_workers(whole, tmp_path, encode_words, run):
    paradigm, expected = whole
    run(encode_words(paradigm, tmp_path / "two", "--workers", 2))
    assert files(tmp_path / "two") == files(expected)


@pytest.mark.parametrize("whole", ["sparse"], indirect=True)
def test_shards_are_cut_as_pyserini_cuts_them_and_make_up_the_whole(
    whole, tmp_path, encode_words, run
):
    paradigm, expected = whole
    lines, ids = b"", []
    for shard in range(3):
        folder = tmp_path / f"shard{shard}"
        run(encode_words(paradigm, folder, "--shard-num", 3, "--shard-id", shard))
        contents = files(folder)
        lines += b"".join(contents[name] for name in sorted(contents))
        ids.append(jsonl_ids(folder))
    assert [len(part) for part in ids] == [333, 333, 334]
    assert lines == b"".join(content for _, content in sorted(files(expected).items()))


def busy_workers(pattern, ancestor):
    """Ids of processes that a process has started, directly or not, and that have this name."""
    table = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True)
    rows = [line.split(None, 2) for line in table.stdout.splitlines()[1:]]
    family = {ancestor}
    while more := {int(pid) for pid, parent, *_ in rows if int(parent) in family} - family:
        family |= more
    return [int(pid) for pid, _, *name in rows if int(pid) in family and pattern in "".join(name)]


@pytest.mark.parametrize("engine", ["local", pytest.param("ray", marks=pytest.mark.whole)])
@pytest.mark.parametrize("whole", ["sparse"], indirect=True)
def test_a_killed_worker_is_made_good(whole, tmp_path, encode_words, engine):
    if engine == "ray":
        pytest.importorskip("ray", reason="needs Ray (pip install '.[ray]')")
    paradigm, expected = whole
    output = tmp_path / "output"
    words = encode_words(paradigm, output, "--engine", engine, "--workers", 2)
    pattern = "pyserini_ext.encode.worker" if engine == "local" else "ray::MapWorker"
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    victims = []
    while process.poll() is None and not victims:
        # A worker is at work once there is a part that it has begun.
        if list(parts_folder(output).glob(".embeddings*.partial")):
            victims = busy_workers(pattern, process.pid)
        time.sleep(0.005)
    assert victims, "the run ended before a worker could be killed"
    os.kill(victims[0], signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert files(output) == files(expected)


def test_workers_stop_when_their_coordinator_is_killed(tmp_path, encode_words):
    output = tmp_path / "output"
    process = subprocess.Popen(
        encode_words("sparse", output, "--workers", 2), stderr=subprocess.DEVNULL
    )
    while not list(parts_folder(output).glob(".embeddings*.partial")):
        assert process.poll() is None
        time.sleep(0.01)
    workers = busy_workers("pyserini_ext.encode.worker", process.pid)
    assert len(workers) == 2
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{worker}") for worker in workers):
        assert time.monotonic() < deadline, "workers outlive their coordinator"
        time.sleep(0.1)


@pytest.mark.parametrize("whole", ["sparse"], indirect=True)
def test_ray_beside_a_running_jvm(whole, tmp_path, encode_words, run):
    """Lucene is written in the process that drives Ray; both want the signals of faults."""
    pytest.importorskip("ray", reason="needs Ray (pip install '.[ray]')")
    words = encode_words("sparse", tmp_path / "index", "--to-lucene", "--engine", "ray")
    run([*words, "--workers", "2"])
    from pyserini.index.lucene import LuceneIndexReader

    assert LuceneIndexReader(str(tmp_path / "index")).stats()["documents"] == 1000


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_read_from_a_publishers_files_is_said_once(
    shared_data, tmp_path, warm_python, workers
):
    (tmp_path / "corpus").mkdir()
    lines = [json.dumps({"id": str(i), "contents": f"text number {i}"}) for i in range(6)]
    (tmp_path / "corpus" / "texts.jsonl").write_text("\n".join(lines) + "\n")
    name = shared_data / "checkpoints" / "Qwen/Qwen3-Embedding-0.6B"
    command = ("-m", "pyserini_ext.encode", "--encoder", name, "--corpus", tmp_path / "corpus")
    options = ("--device", "cpu", "--workers", workers, "--part-size", 2, "--batch-size", 1)
    said = warm_python(*command, "--embeddings", tmp_path / "vectors", *options).stderr
    assert said.count("in the layout of sentence-transformers") == 1
