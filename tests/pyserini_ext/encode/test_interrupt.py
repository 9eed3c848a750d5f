"""Ctrl-C in the middle: the command ends at once, with a sentence, and goes on afterwards."""

import json
import os
import signal
import subprocess
import time

import pytest

from pyserini_ext.folders.state import manifest_path

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", [pytest.param("jsonl", marks=pytest.mark.whole), "lucene"])
def test_ctrl_c(encode_words, run, tmp_path, kind):
    words = encode_words("sparse", tmp_path / kind, *(["--to-lucene"] if kind == "lucene" else []))
    words[2] = "pyserini.encode"  # with which a JVM would come that takes Ctrl-C for itself
    process = subprocess.Popen(
        words,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that run in a shell's background inherit that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    manifest = manifest_path(tmp_path / kind)
    while process.poll() is None:
        if manifest.is_file() and json.loads(manifest.read_text())["parts"]:
            os.killpg(process.pid, signal.SIGINT)  # a terminal signals the whole group
            break
        time.sleep(0.01)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 130, shown
    assert "Interrupted. What is finished is kept; run the same command again to resume." in shown
    assert "Traceback" not in shown
    run(words)
    if kind == "lucene":
        from pyserini.index.lucene import LuceneIndexReader

        assert LuceneIndexReader(str(tmp_path / kind)).stats()["documents"] == 1000
    else:
        lines = [p.read_text().splitlines() for p in (tmp_path / kind).glob("*.jsonl")]
        assert sum(map(len, lines)) == 1000
