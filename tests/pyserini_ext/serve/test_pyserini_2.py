"""The servers of Pyserini 2.x, from its source tree, which this Python may not install."""

import os
import re
import subprocess
import sys

import pytest

from tests.pyserini_ext.bridge.test_interception import other_source
from tests.pyserini_ext.bridge.test_pyserini_2 import OFFLINE
from tests.pyserini_ext.serve.conftest import Running
from tests.pyserini_ext.served import DOCUMENTS, QUERIES

pytestmark = pytest.mark.slow


def test_rest_of_pyserini_2(made, tmp_path):
    source = other_source()
    (tmp_path / "sitecustomize.py").write_text(OFFLINE)
    paths = [str(tmp_path), str(source.parent), os.environ.get("PYTHONPATH", "")]
    words = ["--index", made.dense, "--corpus", made.corpus, "--texts", tmp_path / "texts"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pyserini_ext.serve", *map(str, words), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
    )
    try:
        ready = process.stdout.readline()
        server = Running(re.search(r"http://[^/ ]+", ready)[0], ready, tmp_path)
        assert "/v1/dense/search?" in ready
        query = QUERIES[2].replace(" ", "+")
        (hit,) = server.get(f"/v1/dense/search?query={query}&hits=1")["candidates"]
        assert (hit["docid"], hit["doc"]) == ("c", DOCUMENTS["c"][1])
        batch = server.post("/v1/dense/batch_search", {"queries": QUERIES[2:4], "hits": 1})
        found = [result["candidates"][0]["docid"] for result in batch["results"]]
        assert found == ["c", "é/1"]
        unknown = server.get("/v1/other/search?query=x")
        assert unknown["status"] == 400 and "Served: dense" in unknown["error"]
    finally:
        process.terminate()
        process.communicate(timeout=60)
