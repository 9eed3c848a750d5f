"""The same bare commands on the source tree of Pyserini 2.x, which this Python may not install.

Its 2.4 asks the network for lists of prebuilt indexes at import; the test answers with two entries.
"""

import os
from pathlib import Path

import pytest

from tests.pyserini_ext.bridge.test_interception import other_source
from tests.pyserini_ext.brute_force import assert_run_equals, read_run, read_vectors, sparse_scores

pytestmark = pytest.mark.slow
OFFLINE = """
import io, json, urllib.request
NAMES = ("msmarco-v1-passage.unicoil", "msmarco-v2-passage.unicoil-0shot")
FIELDS = {"description": "", "filename": "", "urls": [], "md5": "", "size": 0}
def urlopen(url, *args, **kwargs):
    return io.BytesIO(json.dumps([{"name": name, **FIELDS} for name in NAMES]).encode())
urllib.request.urlopen = urlopen
"""
TEXTS = {"a": "the cat sat on the mat", "b": "a dog ran in the park", "c": "one day a bird sang"}


@pytest.fixture
def pyserini_2(python, tmp_path):
    source: Path = other_source()
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "sitecustomize.py").write_text(OFFLINE)
    path = os.pathsep.join([str(tmp_path / "stub"), str(source.parent)])
    where = python("-c", "import pyserini; print(pyserini.__file__)", PYTHONPATH=path)
    assert where.stdout.strip() == str(source / "__init__.py")
    return lambda *words, **more: python(*words, PYTHONPATH=path, **more)


def test_commands_on_pyserini_2(pyserini_2, stories, tmp_path):
    from pyserini_ext.bridge.encoders import LlmDenseQueryEncoder, LlmSpladeQueryEncoder

    sparse, dense = f"{stories},paradigm=sparse,like=lion", f"{stories},paradigm=dense,like=lion"
    lines = [f'{{"id": "{docid}", "contents": "{text}"}}' for docid, text in TEXTS.items()]
    (tmp_path / "c.jsonl").write_text("\n".join(lines))
    (tmp_path / "t.tsv").write_text("1\tthe cat\n2\ta bird\n")
    encode = ("-m", "pyserini.encode", "--corpus", tmp_path / "c.jsonl", "--embeddings")
    topics = ("--topics", tmp_path / "t.tsv", "--output")
    pyserini_2(*encode, tmp_path / "v", "--encoder", sparse)
    pyserini_2(
        *("-m", "pyserini.index.lucene", "--collection", "JsonVectorCollection", "--impact"),
        *("--input", tmp_path / "v", "--index", tmp_path / "i", "--pretokenized"),
        *("--generator", "DefaultLuceneDocumentGenerator"),
    )
    search = ("-m", "pyserini.search.lucene", "--impact", "--index", tmp_path / "i", *topics)
    pyserini_2(*search, tmp_path / "r", "--encoder", sparse, "--batch-size", 2, "--threads", 2)
    docids, documents = read_vectors(tmp_path / "v")
    queries = ["the cat", "a bird"]
    scores = sparse_scores(LlmSpladeQueryEncoder(sparse).encode_batch(queries), documents)
    assert_run_equals(read_run(tmp_path / "r"), ["1", "2"], docids, scores, 1000)
    pyserini_2(*encode, tmp_path / "f", "--encoder", dense, "--to-faiss")
    faiss = ("-m", "pyserini.search.faiss", "--index", tmp_path / "f", *topics, tmp_path / "d")
    pyserini_2(*faiss, "--encoder", dense, "--batch-size", 2, "--threads", 2)
    encoder = LlmDenseQueryEncoder(dense)
    scores = encoder.encode_batch(queries) @ encoder.encode_batch(list(TEXTS.values())).T
    assert_run_equals(read_run(tmp_path / "d"), ["1", "2"], docids, scores, 1000, tolerance=5e-6)
    pyserini_2("-m", "pyserini.encode.query", *topics, tmp_path / "q.tsv", "--encoder", sparse)
    assert len((tmp_path / "q.tsv").read_text().splitlines()) == 2
    refused = pyserini_2(*search, tmp_path / "x", "--encoder", "llm-dense-tiny", code=2)
    assert "python -m pyserini.search.faiss" in refused.stderr
