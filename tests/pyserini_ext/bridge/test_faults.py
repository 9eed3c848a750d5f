"""Damaged indexes, Java and queries: a sentence with our encoders, as ever with others."""

import shutil
import types

import faiss
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from transformers import AutoTokenizer

from llm_encoders import EncoderError
from llm_encoders.errors import UsageError
from pyserini_ext import java
from pyserini_ext.bridge import faults
from pyserini_ext.indexes.faiss import write_flat_index

DIMENSION = 64


@pytest.fixture(scope="module")
def dense(stories):
    from pyserini_ext.bridge.encoders import LlmDenseQueryEncoder

    return LlmDenseQueryEncoder(f"{stories},paradigm=dense,like=lion")


@pytest.fixture
def faiss_folder(tmp_path):
    folder = tmp_path / "faiss"
    folder.mkdir()
    rows = np.eye(3, DIMENSION, dtype=np.float32)
    write_flat_index(folder / "index", [rows], 3, DIMENSION)
    (folder / "docid").write_text("a\nb\nc\n")
    return folder


def cut_short(folder):
    whole = (folder / "index").read_bytes()
    (folder / "index").write_bytes(whole[:-100])


def of_another_dimension(folder):
    faiss.write_index(faiss.IndexFlatIP(8), str(folder / "index"))
    (folder / "docid").write_text("")


DAMAGES = {
    "no 'index'": (lambda f: (f / "index").unlink(), "there is no file 'index'"),
    "no 'docid'": (lambda f: (f / "docid").unlink(), "there is no file 'docid'"),
    "cut short": (cut_short, "cut short.*--to-faiss"),
    "no FAISS": (lambda f: (f / "index").write_bytes(b"x" * 99), "damaged or cut short"),
    "empty": (lambda f: (f / "index").write_bytes(b""), "damaged or cut short"),
    "fewer ids": (lambda f: (f / "docid").write_text("a\n"), "does not name the 3 vectors"),
    "another dimension": (of_another_dimension, "of 8 dimensions; those of the encoder have 64"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_faiss_index(faiss_folder, dense, name):
    from pyserini.search.faiss import FaissSearcher

    searcher = FaissSearcher(str(faiss_folder), dense)
    assert len(searcher.search("a query", 3)) == 3
    damage, message = DAMAGES[name]
    damage(faiss_folder)
    with pytest.raises(EncoderError, match=message) as caught:
        FaissSearcher(str(faiss_folder), dense)
    assert "\n" not in str(caught.value)


def test_faiss_index_with_anothers_encoder(faiss_folder):
    from pyserini.search.faiss import FaissSearcher

    cut_short(faiss_folder)
    with pytest.raises(RuntimeError, match="faiss"):
        FaissSearcher(str(faiss_folder), types.SimpleNamespace())


@pytest.fixture
def interrupted(tmp_path):
    """What a Lucene build leaves that was killed before its first commit."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in ("_0.fdt", "_0.fdx", "write.lock"):
        (folder / name).touch()
    return folder


def test_lucene_index(interrupted, stories):
    from jnius import JavaException
    from pyserini.search.lucene import LuceneImpactSearcher

    ours = f"{stories},paradigm=sparse,like=lion"
    with pytest.raises(EncoderError, match="no finished Lucene index: .*interrupted"):
        LuceneImpactSearcher(str(interrupted), ours)
    with pytest.raises(JavaException, match="IndexNotFoundException"):
        LuceneImpactSearcher(str(interrupted), None)
    (interrupted / "segments_1").write_bytes(b"no segments")
    with pytest.raises(EncoderError, match=r"damaged \(org\.apache\.lucene") as caught:
        LuceneImpactSearcher(str(interrupted), ours)
    assert "\n" not in str(caught.value)
    with pytest.raises(EncoderError, match="no folder"):
        LuceneImpactSearcher(str(interrupted / "none"), ours)


def test_query_with_an_infinite_weight_is_named(tmp_path, shared_data):
    from pyserini_ext.bridge.encoders import LlmSpladeQueryEncoder

    folder = tmp_path / "model"
    shutil.copytree(shared_data / "models" / "stories260k", folder)
    weights = load_file(folder / "model.safetensors")
    poisoned = next(name for name in weights if name.endswith("embed_tokens.weight"))
    (token,) = AutoTokenizer.from_pretrained(folder).encode("X")[-1:]
    weights[poisoned][token] = np.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    encoder = LlmSpladeQueryEncoder(f"{folder},paradigm=sparse,like=lion")
    message = "query 'cat X' gave NaN or infinite activations in float32. The weights are damaged"
    with pytest.raises(EncoderError, match=message):
        encoder.encode_batch(["the cat", "cat X", "dog"])


@pytest.fixture
def search(tmp_path, interrupted, warm_python):
    """A search command on an unfinished index."""
    (tmp_path / "topics.json").write_text('{"1": {"title": "the cat"}}')
    paths = ("--index", interrupted, "--topics", tmp_path / "topics.json")
    command = ("-m", "pyserini.search.lucene", *paths, "--output", tmp_path / "run.txt")
    return lambda *words, **options: warm_python(*command, *words, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "holds no finished Lucene index"),
        ({java.OVERRIDE: "/nowhere"}, f"No Java 21 or newer is found. {java.DOCTOR}"),
        ({"JAVA_TOOL_OPTIONS": "-Xmx2m"}, f"heap is too small. {java.DOCTOR}"),
        ({"JAVA_TOOL_OPTIONS": "-Xfoo"}, f"Java does not start. {java.DOCTOR}"),
    ],
)
def test_commands_end_in_one_line(search, stories, environment, message):
    ours = ("--impact", "--encoder", f"{stories},paradigm=sparse,like=lion")
    shown = search(*ours, code=1, **environment).stderr
    assert message in shown and "Traceback" not in shown
    lines = [line for line in shown.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.slow
def test_a_locale_that_is_not_utf8(search, stories, tmp_path):
    """The same queries in UTF-8 come as far as the index."""
    ours = ("--impact", "--encoder", f"{stories},paradigm=sparse,like=lion")
    (tmp_path / "topics.json").write_text('{"1": {"title": "un café"}}', encoding="utf-8")
    shown = search(*ours, code=1, **ASCII).stderr
    assert "error: Pyserini reads and writes files in ascii: " in shown
    assert "set LC_ALL=C.UTF-8 or PYTHONUTF8=1" in shown and "Traceback" not in shown
    shown = search(*ours, code=1, **{**ASCII, "PYTHONUTF8": "1"}).stderr
    assert "holds no finished Lucene index" in shown


@pytest.mark.parametrize(
    ("encoding", "refused"),
    [("UTF-8", False), ("ANSI_X3.4-1968", False), ("ISO-8859-1", True), ("cp1252", True)],
)
def test_a_locale_in_which_queries_are_other_texts(monkeypatch, encoding, refused):
    """Refused is where ``café`` in UTF-8 is read as something else without an error."""
    monkeypatch.setattr(faults.locale, "getpreferredencoding", lambda *args: encoding)
    try:
        other = "café".encode().decode(encoding) != "café"
    except UnicodeDecodeError:
        other = False
    problem = faults._locale_problem()
    assert (problem is not None) == other == refused
    assert problem is None or "set LC_ALL=C.UTF-8" in problem


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "Add --impact"),
        (["--impact", "--qld"], 2, "--qld does not work with --impact; leave it out."),
        (["--impact", "--topics", "EMPTY"], 1, "empty.tsv, line 2: expected an id, a tab and a"),
        (["--impact", "--index", "nowhere"], 1, "There is no folder nowhere"),
    ],
)
def test_what_a_command_cannot_mean_ends_it(search, stories, tmp_path, words, code, message):
    (tmp_path / "empty.tsv").write_text("1\tthe cat\n2\t\n")
    words = [tmp_path / "empty.tsv" if word == "EMPTY" else word for word in words]
    encoder = ("--encoder", f"{stories},paradigm=sparse,like=lion")
    shown = search(*encoder, *words, code=code).stderr
    assert "Traceback" not in shown and not (tmp_path / "run.txt").exists()
    (line,) = [line for line in shown.splitlines() if line.startswith("error: ")]
    assert message in line


@pytest.mark.slow
def test_hybrid_search_without_impact_is_refused(warm_python, stories, tmp_path):
    sparse, dense = (f"{stories},paradigm={one},like=lion" for one in ("sparse", "dense"))
    words = ("dense", "--index", tmp_path, "--encoder", dense, "fusion", "run", "--topics", "t.tsv")
    command = ("-m", "pyserini.search.hybrid", *words, "sparse", "--index", tmp_path)
    assert "Add --impact" in warm_python(*command, "--encoder", sparse, code=2).stderr


@pytest.mark.slow
def test_commands_without_our_encoders_end_as_ever(search):
    assert "Traceback" in search(code=1, **{java.OVERRIDE: "/nowhere"}).stderr


def test_errors_that_nobody_foresaw(monkeypatch, capsys):
    from pyserini_ext.bridge import faults

    for error, message in [
        (ValueError("one\ntwo"), "error: ValueError: one (set LLM_ENCODERS_TRACEBACK=1"),
        (UsageError("Do this."), "error: Do this.\n"),
        (SystemError("JVM failed to start: -1"), f"error: Java does not start. {java.DOCTOR}\n"),
        (KeyboardInterrupt(), "Interrupted.\n"),
    ]:
        faults._one_line(type(error), error, None)
        assert capsys.readouterr().err.startswith(message)
