"""Pyserini's commands with miniatures of published checkpoints, against their publishers' vectors.

Names are relative to the folder that holds the organisations, as a user would type Hub ids.
"""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest

from llm_encoders import load_encoder
from pyserini_ext import java
from tests.hub_cache import add_repository
from tests.pyserini_ext.brute_force import assert_run_equals, read_run

pytestmark = pytest.mark.slow
REPLLAMA = "castorini/repllama-v1-7b-lora-passage"
QWEN = "Qwen/Qwen3-Embedding-0.6B"
DENSE = (
    QWEN,
    "intfloat/e5-mistral-7b-instruct",
    "google/embeddinggemma-300m",
    "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp-supervised",
    f"{REPLLAMA},like={REPLLAMA}",
)
SPLADE = "naver/splade-code-06B"
SPARSE = {SPLADE: 100, f"{SPLADE},impact_scale=10": 10, "hzeng/Lion-SP-1B-llama3-marco-mntp": 100}
"""With the scale of their impacts."""
_EXACT = 1 << 24  # sums of Lucene's float32 are rounded beyond


@pytest.fixture
def work(shared_data, monkeypatch, tmp_path):
    """A folder with corpus and topics of the texts; the current one holds the checkpoints."""
    folder = shared_data / "checkpoints"
    monkeypatch.chdir(folder)
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    documents, queries = kept(texts["documents"]), kept(texts["queries"])
    lines = [json.dumps({"id": f"d{i}", "text": text}) for i, text in documents.items()]
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    topics = {f"q{i}": {"title": text} for i, text in queries.items()}
    (tmp_path / "topics.json").write_text(json.dumps(topics))
    return tmp_path


def kept(texts):
    """Texts by their number, without those whose blanks at the ends no reader of Pyserini keeps."""
    return {i: text for i, text in enumerate(texts) if text == text.strip()}


def published(name):
    """Queries and documents as the publisher's code gives them; ids of both."""
    texts = json.loads(Path("texts.json").read_text(encoding="utf-8"))
    queries, documents = list(kept(texts["queries"])), list(kept(texts["documents"]))
    ids = [f"q{i}" for i in queries], [f"d{i}" for i in documents]
    with np.load(name.split(",")[0] + ".npz") as arrays:
        return arrays["queries"][queries], arrays["documents"][documents], *ids


def encode(python, work, name, output, *more):
    command = ("-m", "pyserini.encode", "--encoder", name, "--corpus", work / "corpus.jsonl")
    return python(*command, "--embeddings", work / output, *more)


def search(python, work, module, name, index, *more, code=0):
    words = ("--encoder", name, "--index", work / index, "--topics", work / "topics.json")
    batch = ("--output", work / "run.txt", "--batch-size", 4, "--threads", 2)
    return python("-m", module, *words, *batch, *more, code=code)


@pytest.mark.parametrize("name", DENSE)
def test_dense_ones_through_faiss(warm_python, work, name):
    encode(warm_python, work, name, "index", "--to-faiss")
    search(warm_python, work, "pyserini.search.faiss", name, "index")
    queries, documents, query_ids, docids = published(name)
    run = read_run(work / "run.txt")
    assert_run_equals(run, query_ids, docids, queries @ documents.T, 1000, tolerance=1e-4)


@pytest.mark.parametrize("name", SPARSE)
def test_sparse_ones_through_lucene(warm_python, work, name):
    encode(warm_python, work, name, "index", "--to-lucene")
    search(warm_python, work, "pyserini.search.lucene", name, "index", "--impact")
    queries, documents, query_ids, docids = published(name)
    queries, documents = (np.rint(v * SPARSE[name]).astype(int) for v in (queries, documents))
    products = queries @ documents.T
    tolerance = 0 if products.max() <= _EXACT else products.max() * 2**-23
    assert_run_equals(read_run(work / "run.txt"), query_ids, docids, products, 1000, tolerance)


def test_an_index_of_another_contract_is_refused(warm_python, work):
    encode(warm_python, work, QWEN, "index", "--to-faiss")
    where = ("pyserini.search.faiss", f"{QWEN},dimension=32,normalize=false", "index")
    shown = search(warm_python, work, *where, code=2).stderr
    assert "dimension is None in the index and 32 in the encoder; normalize is True in" in shown
    moved = work / "moved"
    (work / "index").rename(moved)
    assert (moved / "contract.json").is_file()
    queries = f"{QWEN},instruction=Find it,query_max_length=64"  # a matter of the queries alone
    search(warm_python, work, "pyserini.search.faiss", queries, "moved")
    (moved / "contract.json").unlink()
    search(warm_python, work, "pyserini.search.faiss", f"{QWEN},normalize=false", "moved")


def test_a_lucene_index_of_another_contract_is_refused(warm_python, work):
    """Made of JSONL, whose contract stands beside the folder."""
    encode(warm_python, work, SPLADE, "vectors")
    paths = ("--input", work / "vectors", "--index", work / "index")
    warm_python("-m", "pyserini_ext.index", *paths)
    where = ("pyserini.search.lucene", f"{SPLADE},attention=causal", "index", "--impact")
    shown = search(warm_python, work, *where, code=2).stderr
    assert "attention is 'bidirectional' in the index and 'causal' in the encoder" in shown
    search(warm_python, work, "pyserini.search.lucene", SPLADE, "index", "--impact")


def test_queries_that_are_encoded_first_and_hybrid_search(warm_python, work):
    topics, output = ("--topics", work / "topics.json"), ("--output", work / "queries")
    words = ("--prefx", "Find:")  # as Pyserini 1.6 spells it
    warm_python("-m", "pyserini.encode.query", "--encoder", QWEN, *topics, *output, *words)
    found = np.stack(pandas.read_pickle(work / "queries")["embedding"])
    texts = [topic["title"] for topic in json.loads((work / "topics.json").read_text()).values()]
    written = load_encoder(QWEN, query_prefix="Find:").encode_queries(texts)
    np.testing.assert_allclose(found, written, atol=1e-5)
    encode(warm_python, work, QWEN, "dense", "--to-faiss")
    encode(warm_python, work, SPLADE, "sparse", "--to-lucene")
    warm_python(
        *("-m", "pyserini.search.hybrid"),
        *("dense", "--index", work / "dense", "--encoder", QWEN),
        *("sparse", "--index", work / "sparse", "--encoder", SPLADE, "--impact"),
        *("fusion", "--alpha", "0"),
        *("run", *topics, "--output", work / "run.txt", "--batch-size", 4, "--threads", 2),
    )
    queries, documents, query_ids, docids = published(QWEN)
    run = read_run(work / "run.txt")
    assert_run_equals(run, query_ids, docids, queries @ documents.T, 1000, tolerance=1e-4)


def test_a_hub_id_in_the_cache_is_taken_over_and_can_be_handed_back(python, work, tmp_path):
    """In processes as users start them; Pyserini's writer has a file name of its own."""
    add_repository(tmp_path / "cache", "someone/qwen3-copy", Path(QWEN))
    environment = {"HF_HUB_CACHE": str(tmp_path / "cache"), "OPENAI_API_KEY": "none"}
    words = ("-m", "pyserini.encode", "input", "--corpus", work / "corpus.jsonl")
    words += ("--fields", "text", "encoder", "--encoder", "someone/qwen3-copy", "--device", "cpu")
    lines = [json.dumps({"id": "d0", "text": "Short."})]
    (work / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    ours = python(*words, "output", "--embeddings", work / "ours", **environment)
    said = [line for line in ours.stderr.splitlines() if "hands it back" in line]
    assert len(said) == 1 and said[0].startswith("someone/qwen3-copy is encoded by llm_encoders")
    with np.load(f"{QWEN}.npz") as arrays:
        wanted = arrays["documents"][3]
    np.testing.assert_allclose(vector(work / "ours/embeddings.00000.jsonl"), wanted, atol=1e-4)
    runtime = next(one for one in java.candidates() if one.usable)
    if not runtime.has_vector_module:
        pytest.skip("without the hook Pyserini needs a Java with jdk.incubator.vector")
    environment |= {"JAVA_HOME": str(runtime.home), "PYSERINI_EXT_HOOK": "0"}
    back = python(*words, "output", "--embeddings", work / "stock", **environment)
    assert "llm_encoders" not in back.stderr
    assert np.abs(vector(work / "stock/embeddings.jsonl") - wanted).max() > 0.01


def vector(path):
    return np.array(json.loads(path.read_text())["vector"])


SERVER = """
import sys, types
stub = types.ModuleType("pyserini.encode.optional._uniir")  # of a package that is not installed
stub.UniIRQueryEncoder = None
sys.modules[stub.__name__] = stub
from pyserini.search.faiss import FaissSearcher
from pyserini.search.lucene import LuceneImpactSearcher, LuceneSearcher
LuceneSearcher.from_prebuilt_index = lambda name: None
FaissSearcher.from_prebuilt_index = lambda name, query_encoder: print("FAISS", query_encoder)
LuceneImpactSearcher.from_prebuilt_index = lambda name, encoder: print(
    "Lucene", LuceneImpactSearcher._init_query_encoder_from_str(encoder)
)
from pyserini.server.models import IndexConfig
from pyserini.server.search_controller import get_controller
for name, encoder in (
    ("msmarco-v1-passage.bge-base-en-v1.5", sys.argv[1]),
    ("msmarco-v1-passage.splade-pp-ed", sys.argv[2]),
):
    get_controller()._add_index(IndexConfig(name=name, encoder=encoder))
"""


def test_encoders_of_the_servers(python, work):
    """They search prebuilt indexes only, which are not downloaded here."""
    shown = python("-c", SERVER, QWEN, SPLADE)
    assert "FAISS <pyserini_ext.bridge.encoders.LlmDenseQueryEncoder" in shown.stdout
    assert "Lucene <pyserini_ext.bridge.encoders.LlmSpladeQueryEncoder" in shown.stdout
    assert shown.stderr.count("hands it back") == 2
