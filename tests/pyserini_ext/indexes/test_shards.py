"""What the index command makes of shards: all of one encoding, or nothing."""

import json
import shutil

import pytest

from pyserini_ext.encode import command as encode_command
from pyserini_ext.folders.state import state_folder
from pyserini_ext.indexes import command as index_command
from tests.pyserini_ext.indexes.test_index import encoded

DOCUMENTS = 40


@pytest.fixture(scope="module")
def work(tmp_path_factory, shared_data, stories):
    """Folders of shards of one corpus, by name, and of other encodings and another corpus."""
    work = tmp_path_factory.mktemp("shards")
    lines = (shared_data / "collections/nfcorpus/corpus.jsonl").read_text().splitlines()
    (work / "one").mkdir()
    (work / "one" / "corpus.jsonl").write_text("\n".join(lines[:DOCUMENTS]) + "\n")
    (work / "two").mkdir()
    (work / "two" / "corpus.jsonl").write_text("\n".join(lines[100:130]) + "\n")

    def encode(name, corpus, shard, of, *more):
        words = ["--encoder", f"{stories},paradigm=sparse,like=lion", "--corpus", work / corpus]
        words += ["--embeddings", work / name, "--shard-id", shard, "--shard-num", of, *more]
        assert encode_command.main([str(word) for word in words]) == 0

    for shard in range(3):
        encode(f"s{shard}", "one", shard, 3)
    encode("batches", "one", 1, 3, "--batch-tokens", 512, "--batch-size", 8, "--part-size", 256)
    encode("of-two", "one", 1, 2)
    encode("short", "one", 1, 3, "--max-length", 8, "--prefix", "foo")
    encode("rough", "one", 1, 3, "--dtype", "bfloat16")
    encode("whole", "two", 0, 1)
    encode("whole-short", "two", 0, 1, "--max-length", 8)
    encode("two1", "two", 1, 3)
    return work


@pytest.fixture
def index(work, tmp_path, capfd):
    """Index some of the folders or files; returns the exit code, what was said and the index."""

    def index(*names):
        words = ["--input", *(str(work / name) for name in names)]
        code = index_command.main([*words, "--index", str(tmp_path / "index")])
        return code, capfd.readouterr().err, tmp_path / "index"

    return index


def ids(work, *folders):
    """The documents with impacts, read from the JSONL."""
    lines = [
        json.loads(line)
        for folder in folders
        for path in (work / folder).iterdir()
        for line in path.open()
    ]
    return {record["id"] for record in lines if record["vector"]}


def number_of_documents(folder):
    from pyserini.index.lucene import LuceneIndexReader

    return LuceneIndexReader(str(folder)).stats()["documents"]


@pytest.mark.parametrize(
    ("names", "documents"),
    [
        (["s0", "s1", "s2"], DOCUMENTS),
        (["s2", "s0", "s1"], DOCUMENTS),
        (["s0", "batches", "s2"], DOCUMENTS),  # other batches are the same encoding
        (["s0", "whole", "s1", "s2"], DOCUMENTS + 30),  # two corpora of one encoder
    ],
)
def test_whole_corpora_of_one_encoding(work, index, names, documents):
    code, said, folder = index(*names)
    assert code == 0 and "warning" not in said, said
    assert len(ids(work, *names)) == documents == number_of_documents(folder)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["s0", "s2"], ["s0 is shard 0 of 3", "shard 1 is not among", "--input"]),
        (["s1"], ["s1 is shard 1 of 3", "shards 0 and 2 are not among"]),
        (["whole", "s0"], ["s0 is shard 0 of 3", "shards 1 and 2 are not among"]),
        (["s0", "of-two"], ["s0 is shard 0 of 3", "of-two is shard 1 of 2", "same corpus"]),
        (["s0", "s1", "batches", "s2"], ["batches is shard 1 of 3", "s1 is", "same corpus"]),
        (
            ["s0", "two1", "s2"],
            ["shard 1 is not among", "two1 is shard 1 of 3", "of another corpus", "30 documents"],
        ),
    ],
)
def test_shards_that_make_no_whole(work, index, names, said):
    code, found, folder = index(*names)
    assert code == 1 and not folder.exists()
    assert found.startswith("error: ") and found.count("\n") == 1
    for words in said:
        assert words in found


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["s0", "short", "s2"], ["max length: none in", "8 in", "prefix: none in", "foo in"]),
        (["s0", "rough", "s2"], ["dtype: float32 in", "bfloat16 in"]),
        (["s0", "s1", "s2", "whole-short"], ["max length: none in", "8 in"]),
        (["s0/embeddings.00000.jsonl", "short", "s2"], ["max length: none in"]),
    ],
)
def test_different_encodings_are_refused(work, index, names, said):
    code, found, folder = index(*names)
    assert code == 1 and not folder.exists()
    assert "were encoded differently" in found and "batch" not in found
    for words in said:
        assert words in found


def test_changed_weights_are_named(work, index, tmp_path):
    """Two trainings of one encoder, as far as the record of the second knows."""
    shutil.copytree(work / "s1", tmp_path / "s1")
    state = state_folder(work / "s1")
    shutil.copytree(state, tmp_path / state.name)
    manifest = tmp_path / state.name / "manifest"
    values = json.loads(manifest.read_text())
    values["fingerprint"]["encoder"]["backbone"]["model.safetensors"] = "f" * 64
    manifest.write_text(json.dumps(values))
    code, found, _ = index("s0", tmp_path / "s1", "s2")
    assert code == 1 and "backbone model.safetensors: " in found and "ffff" in found


def test_files_named_one_by_one_may_be_a_part(work, index):
    name = "embeddings.00000.jsonl"
    code, said, folder = index(f"s0/{name}", f"s2/{name}")
    assert code == 0 and number_of_documents(folder) == len(ids(work, "s0", "s2")) < DOCUMENTS
    assert "warning: " in said and "shard 1 is not among" in said and " files of " not in said


def test_some_files_of_a_folder(tmp_path, index, capfd):
    encoded(tmp_path / "e", ["embeddings.00000.jsonl", "embeddings.00001.jsonl"])
    assert index(tmp_path / "e" / "embeddings.00000.jsonl")[0] == 0
    code, said, folder = index(tmp_path / "e" / "embeddings.00000.jsonl")
    assert code == 0 and number_of_documents(folder) == 1
    assert f"warning: 1 of 2 files of {tmp_path / 'e'} are indexed.\n" in said
    encoded(tmp_path / "f", ["embeddings.00000.jsonl"], complete=False)
    _, said, _ = index(tmp_path / "f" / "embeddings.00000.jsonl")
    assert "warning: 1 of 1 files of" in said and "there is not finished" in said
