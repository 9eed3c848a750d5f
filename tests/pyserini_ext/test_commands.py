"""Pyserini's bare commands in processes of their own, with a model that nobody planned for."""

import json
import shutil

import faiss
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from transformers import AutoTokenizer

from llm_encoders import EncoderConfig
from pyserini_ext.encode.command import main
from tests.pyserini_ext.brute_force import (
    assert_run_equals,
    read_run,
    read_vectors,
    sparse_scores,
)

pytestmark = pytest.mark.slow
DOCUMENTS = 120
QUERIES = {
    "q1": "statins and the survival of breast cancer patients",
    "q2": "how does diet affect blood pressure?",
    "PLAIN-3": "cholesterol",
    "q4": "statins and the survival of breast cancer patients",
}
INDEX = (
    "--generator",
    "DefaultLuceneDocumentGenerator",
    "--threads",
    2,
    "--impact",
    "--pretokenized",
)


@pytest.fixture(scope="module")
def work(tmp_path_factory, shared_data):
    folder = tmp_path_factory.mktemp("commands")
    lines = (shared_data / "collections/nfcorpus/corpus.jsonl").read_text().splitlines()
    (folder / "corpus").mkdir()
    (folder / "corpus" / "c.jsonl").write_text("\n".join(lines[:DOCUMENTS]) + "\n")
    topics = "".join(f"{query_id}\t{text}\n" for query_id, text in QUERIES.items())
    (folder / "topics.tsv").write_text(topics)
    return folder


@pytest.fixture(scope="module", params=["backbone", "with adapter"])
def model(request, stories, shared_data):
    """The folder, and the adapter that goes on it or not; the paradigm is added by the test."""
    if request.param == "backbone":
        return lambda paradigm: f"{stories},paradigm={paradigm},like=lion"
    return lambda paradigm: (
        f"{shared_data / 'parity'}/adapter-{paradigm},paradigm={paradigm},backbone={stories}"
    )


@pytest.fixture(scope="module")
def sparse_index(warm_python, work, stories):
    """A Lucene impact index of the bare backbone."""
    return lucene_index(
        warm_python, work, sparse_vectors_of(warm_python, work, stories), "shared-index"
    )


def sparse_vectors_of(python, work, stories):
    output = work / "shared-vectors"
    if not output.exists():
        encode(python, work, output.name, f"{stories},paradigm=sparse,like=lion")
    return output


def encode(python, work, name, encoder, *more):
    output = work / name
    command = ("-m", "pyserini.encode", "--encoder", encoder, "--corpus", work / "corpus")
    python(*command, "--embeddings", output, *more)
    return output


def lucene_index(python, work, vectors, name):
    python(
        *("-m", "pyserini.index.lucene", "--collection", "JsonVectorCollection"),
        *("--input", vectors, "--index", work / name, *INDEX),
    )
    return work / name


@pytest.mark.parametrize("start", ["warm", pytest.param("fresh", marks=pytest.mark.whole)])
def test_sparse_all_the_way(python, warm_python, work, model, start):
    """Fresh processes do all imports themselves, as a user's do."""
    from pyserini_ext.bridge.encoders import LlmSpladeQueryEncoder

    python = {"warm": warm_python, "fresh": python}[start]
    shutil.rmtree(work / "vectors", ignore_errors=True)
    shutil.rmtree(work / "index", ignore_errors=True)
    encoder = model("sparse")
    vectors = encode(python, work, "vectors", encoder)
    index = lucene_index(python, work, vectors, "index")
    assert json.loads((index / "contract.json").read_text())["name"] == str(encoder)
    search = ("-m", "pyserini.search.lucene", "--impact", "--encoder", encoder, "--index", index)
    topics = ("--topics", work / "topics.tsv")
    batch = ("--output", work / "batch.txt", "--batch-size", 4, "--threads", 2)
    shown = python(*search, *topics, *batch).stderr
    assert not any(word in shown for word in ("WARNING", "LOAD REPORT", "error"))
    python(*search, *topics, "--output", work / "single.txt")
    docids, documents = read_vectors(vectors)
    assert len(docids) == DOCUMENTS
    loaded = LlmSpladeQueryEncoder(encoder)
    queries = loaded.encode_batch(list(dict.fromkeys(QUERIES.values())))
    queries.append(queries[0])  # q4 asks what q1 asks
    scores = sparse_scores(queries, documents)
    run = read_run(work / "batch.txt")
    assert_run_equals(run, list(QUERIES), docids, scores, hits=1000)
    assert run["q1"] == run["q4"]
    everywhere = set.intersection(*map(set, documents))
    assert everywhere & set(queries[0]), "no query term occurs in every document: test is empty"
    one_by_one = sparse_scores([loaded.encode(text) for text in QUERIES.values()], documents)
    assert_run_equals(read_run(work / "single.txt"), list(QUERIES), docids, one_by_one, 1000)


def test_dense_all_the_way(warm_python, work, model):
    from pyserini_ext.bridge.encoders import LlmDenseQueryEncoder

    encoder = model("dense")
    index = encode(warm_python, work, "faiss", encoder, "--to-faiss", "--overwrite")
    assert sorted(path.name for path in index.iterdir()) == ["contract.json", "docid", "index"]
    search = ("-m", "pyserini.search.faiss", "--encoder", encoder, "--index", index)
    output = ("--topics", work / "topics.tsv", "--output", work / "dense.txt")
    warm_python(*search, *output, "--batch-size", 4, "--threads", 2)
    vectors = encode(warm_python, work, "dense-jsonl", encoder, "--overwrite")
    stock = work / "stock.faiss"
    warm_python("-m", "pyserini.index.faiss", "--input", vectors, "--output", stock, "--dim", 64)
    assert faiss.read_index(str(stock / "index")).ntotal == DOCUMENTS
    record = "contract.json"
    assert (stock / record).read_bytes() == (index / record).read_bytes()
    docids, rows = read_vectors(vectors)
    documents = np.array(rows, dtype=np.float32)
    assert docids == (index / "docid").read_text().split()
    queries = LlmDenseQueryEncoder(encoder).encode_batch(list(QUERIES.values()))
    run = read_run(work / "dense.txt")
    assert_run_equals(run, list(QUERIES), docids, queries @ documents.T, 1000, tolerance=2e-6)


def test_forms_of_the_command_give_the_same_bytes(warm_python, work, stories):
    short = sparse_vectors_of(warm_python, work, stories)
    encoder = ("encoder", "--encoder", f"{stories},paradigm=sparse,like=lion")
    source = ("input", "--corpus", work / "corpus")
    warm_python("-m", "pyserini.encode", *source, "output", "--embeddings", work / "long", *encoder)
    whole = (short / "embeddings.00000.jsonl").read_bytes()
    assert (work / "long" / "embeddings.00000.jsonl").read_bytes() == whole
    fields = ("--fields", "title", "text")
    output = ("output", "--embeddings", work / "fields")
    assert main([*map(str, (*source, *fields, *output, *encoder, *fields))]) == 0
    assert (work / "fields" / "embeddings.00000.jsonl").read_bytes() == whole
    words = (
        "--encoder",
        f"{stories},like=lion",
        "--paradigm",
        "sparse",
        "--corpus",
        work / "corpus",
    )
    warm_python("-m", "pyserini.encode", *words, "--embeddings", work / "option")
    assert (work / "option" / "embeddings.00000.jsonl").read_bytes() == whole


def test_shards_make_up_the_whole(work, stories):
    ids = []
    for shard in range(3):
        words = ("--encoder", f"{stories},paradigm=sparse,like=lion", "--corpus", work / "corpus")
        options = ("--shard-num", 3, "--shard-id", shard, "--embeddings", work / f"s{shard}")
        assert main([*map(str, (*words, *options))]) == 0
        ids += read_vectors(work / f"s{shard}")[0]
    lines = (work / "corpus" / "c.jsonl").read_text().splitlines()
    assert ids == [json.loads(line)["_id"] for line in lines]


def test_encoded_queries_hybrid_and_run_formats(warm_python, work, stories, sparse_index):
    sparse, dense = f"{stories},paradigm=sparse,like=lion", f"{stories},paradigm=dense,like=lion"
    index = sparse_index
    faiss = encode(warm_python, work, "f", dense, "--to-faiss")
    topics = ("--topics", work / "topics.tsv")
    query = ("-m", "pyserini.encode.query", *topics)
    warm_python(*query, "--encoder", sparse, "--output", work / "queries.tsv")
    lines = (work / "queries.tsv").read_text().splitlines()
    from pyserini_ext.bridge.encoders import LlmSpladeQueryEncoder

    impacts = LlmSpladeQueryEncoder(sparse).encode(QUERIES["q1"])
    words = next(line for line in lines if line.startswith("q1\t")).split("\t")[1].split(" ")
    assert {word: words.count(word) for word in set(words)} == impacts
    search = ("-m", "pyserini.search.lucene", "--impact", "--index", index)
    warm_python(*search, *topics, "--encoder", sparse, "--output", work / "live.txt")
    encoded = ("--topics", work / "queries.tsv", "--output", work / "encoded.txt")
    warm_python(*search, *encoded, "--min-idf", -1)  # or Pyserini drops terms of every document
    assert read_run(work / "encoded.txt") == read_run(work / "live.txt")
    warm_python(*query, "--encoder", dense, "--output", work / "queries.pkl")
    assert (work / "queries.pkl").is_file()
    warm_python(
        *("-m", "pyserini.search.hybrid", "dense", "--index", faiss, "--encoder", dense),
        *("sparse", "--index", index, "--impact", "--encoder", sparse, "fusion", "--alpha", 0.1),
        *("run", *topics, "--output", work / "h.txt", "--hits", 50, "--threads", 2),
    )
    warm_python(
        *("-m", "pyserini.search.faiss", "--index", faiss, "--encoder", dense),
        *(*topics, "--output", work / "d.txt"),
    )
    hybrid, sparse_run, dense_run = (read_run(work / f"{n}.txt") for n in ("h", "live", "d"))
    for query_id, hits in hybrid.items():
        sparse_scores_, dense_scores = dict(sparse_run[query_id]), dict(dense_run[query_id])
        assert len(hits) == 50
        for docid, score in hits:
            expected = 0.1 * sparse_scores_[docid] + dense_scores[docid]
            assert score == pytest.approx(expected, rel=1e-5)
    warm_python(
        *(*search, *topics, "--encoder", sparse, "--output", work / "m.txt"),
        *("--output-format", "msmarco", "--hits", 3),
    )
    rows = [line.split("\t") for line in (work / "m.txt").read_text().splitlines()]
    assert [row[2] for row in rows] == ["1", "2", "3"] * len(QUERIES)


def test_remove_query(warm_python, work, stories, sparse_index):
    """A query whose id is a document's id must not find that document."""
    encoder, index = f"{stories},paradigm=sparse,like=lion", sparse_index
    first = json.loads((work / "corpus" / "c.jsonl").read_text().splitlines()[0])
    (work / "self.tsv").write_text(f"{first['_id']}\t{first['title']}\n")
    command = ("-m", "pyserini.search.lucene", "--impact", "--encoder", encoder, "--index", index)
    warm_python(*command, "--topics", work / "self.tsv", "--output", work / "with.txt")
    warm_python(
        *command, "--topics", work / "self.tsv", "--output", work / "without.txt", "--remove-query"
    )
    found, left = (read_run(work / f"{n}.txt")[first["_id"]] for n in ("with", "without"))
    assert [d for d, _ in left] == [d for d, _ in found if d != first["_id"]]
    assert len(left) == len(found) - 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "c.jsonl, line 2: not valid JSON"),
        ('{"text": "x"}', "c.jsonl, line 2: no id"),
        ('{"id": "a", "text": "x"}', "c.jsonl, line 2: the id 'a' was given before"),
        ('{"id": "b", "text": ""}', "c.jsonl, line 2: document 'b' has an empty text"),
    ],
)
def test_faulty_corpus(tmp_path, stories, capsys, line, message):
    (tmp_path / "c.jsonl").write_text(f'{{"id": "a", "text": "good"}}\n{line}\n')
    paths = ("--corpus", tmp_path / "c.jsonl", "--embeddings", tmp_path / "out")
    words = [*map(str, ("--encoder", f"{stories},paradigm=sparse,like=lion", *paths))]
    assert main(words) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*words, "--on-error", "skip"]) == 0
    assert f"skipped: {tmp_path}/{message}" in capsys.readouterr().err
    assert read_vectors(tmp_path / "out")[0] == ["a"]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ("--encoder llm-splade-9b", 2, "Did you mean 'llm-splade-8b'"),
        ("--encoder llm-splade-3b", 1, "no sparse 3B checkpoint"),
        ("--encoder llm-splade-8b", 1, "--encoder ADAPTER_FOLDER,paradigm=sparse,backbone="),
        ("--encoder llm-splade-tiny --to-faiss", 2, "Give --to-lucene in place"),
        ("--encoder {stories},paradigm=dense,like=lion --dimension 768", 2, "has 64"),
        ("--encoder {stories}", 2, "does not say how it encodes"),
        ("--encoder {stories},paradigm=dense,like=lion --device gpu", 2, "Unknown device 'gpu'"),
        ("--encoder {stories},paradigm=dense,like=lion --max-length 1", 2, "leaves no room"),
    ],
)
def test_wrong_usage(work, stories, capsys, options, code, message):
    words = ["--corpus", str(work / "corpus"), "--embeddings", str(work / "never")]
    assert main([*words, *options.format(stories=stories).split()]) == code
    assert message in capsys.readouterr().err
    assert not (work / "never").exists()


def test_wrong_use_of_bare_commands(warm_python, work, sparse_index):
    """One line, no traceback, exit code 2, and the right command in it."""
    search = ("--topics", work / "topics.tsv", "--output", work / "never.txt", "--encoder")
    encode_ = (
        "-m",
        "pyserini.encode",
        "--corpus",
        work,
        "--embeddings",
        work / "never",
        "--encoder",
    )
    faiss = ("-m", "pyserini.search.faiss", "--index", work, *search)
    impact = ("-m", "pyserini.search.lucene", "--impact", "--index", sparse_index, *search)
    for words, message in [
        ((*encode_, "llm-splade-9b"), "Did you mean 'llm-splade-8b'"),
        ((*faiss, "llm-splade-tiny"), "pyserini.search.lucene --impact --encoder llm-splade-tiny"),
        ((*impact, "llm-dense-tiny"), "python -m pyserini.search.faiss --encoder llm-dense-tiny"),
    ]:
        result = warm_python(*words, code=2)
        assert message in result.stderr and "Traceback" not in result.stderr
    assert not (work / "never").exists() and not (work / "never.txt").exists()


def test_failure_keeps_the_previous_output(warm_python, work, stories, tmp_path):
    output = sparse_vectors_of(warm_python, work, stories)
    before = (output / "embeddings.00000.jsonl").read_bytes()
    (tmp_path / "bad.jsonl").write_text("{\n")
    words = (
        "--encoder",
        f"{stories},paradigm=sparse,like=lion",
        "--corpus",
        tmp_path / "bad.jsonl",
    )
    assert main([*map(str, (*words, "--embeddings", output))]) == 1
    assert (output / "embeddings.00000.jsonl").read_bytes() == before


def test_pyserinis_own_encoder_is_pyserinis_business(python, work):
    """Offline, naver/splade-v3 fails inside Pyserini's class, with the hook as without."""
    command = ("-m", "pyserini.encode", "input", "--corpus", work / "corpus", "output")
    command += ("--embeddings", work / "n", "encoder", "--encoder", "naver/splade-v3")
    result = python(*command, "--device", "cpu", code=1, HF_HUB_OFFLINE="1")
    assert "encode/_splade.py" in result.stderr
    assert "in __init__" in result.stderr and "OSError" in result.stderr


def test_all_zero_vectors_are_counted_and_named(work, shared_data, tmp_path, capsys):
    shutil.copytree(shared_data / "models" / "stories260k", tmp_path / "model")
    EncoderConfig(paradigm="sparse", impact_scale=1e-6).save(tmp_path / "model")
    words = ("--encoder", tmp_path / "model", "--corpus", work / "corpus")
    assert main([*map(str, (*words, "--embeddings", tmp_path / "out"))]) == 0
    assert f"{DOCUMENTS} documents have an all-zero vector (MED-10, " in capsys.readouterr().err
    assert len(read_vectors(tmp_path / "out")[0]) == DOCUMENTS


def test_document_with_infinite_activations_is_named(work, shared_data, tmp_path, capsys):
    shutil.copytree(shared_data / "models" / "stories260k", tmp_path / "model")
    weights = load_file(tmp_path / "model" / "model.safetensors")
    poisoned = next(name for name in weights if name.endswith("embed_tokens.weight"))
    (token,) = AutoTokenizer.from_pretrained(tmp_path / "model").encode("X")[-1:]
    weights[poisoned][token] = np.nan
    save_file(weights, tmp_path / "model" / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "c.jsonl").write_text('{"id": "a", "text": "ok"}\n{"id": "b", "text": "X"}\n')
    words = (
        "--encoder",
        f"{tmp_path / 'model'},paradigm=dense,like=lion",
        "--corpus",
        tmp_path / "c.jsonl",
    )
    assert main([*map(str, (*words, "--embeddings", tmp_path / "out"))]) == 1
    message = capsys.readouterr().err
    assert f"{tmp_path}/c.jsonl, line 2: document 'b': " in message and "NaN" in message
    assert not (tmp_path / "out").exists()
