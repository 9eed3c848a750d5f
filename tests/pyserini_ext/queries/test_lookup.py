"""Lookup tables over indexes of their teachers, by Pyserini's commands and by Java alone."""

import hashlib
import subprocess

import numpy as np
import pytest

from llm_encoders import UsageError
from llm_encoders.checkpoints.teacher import Teacher
from pyserini_ext import java
from pyserini_ext.bridge.encoders import LlmDenseQueryEncoder, LlmSpladeQueryEncoder
from pyserini_ext.queries.command import main
from pyserini_ext.serve.found import find_indexes
from pyserini_ext.serve.searching import ServedIndex
from tests.llm_encoders.encoding.lookup.student import make_student
from tests.pyserini_ext.brute_force import assert_run_equals, read_run, sparse_scores
from tests.pyserini_ext.served import DOCUMENTS, QUERIES

pytestmark = pytest.mark.slow  # commands of Pyserini's, and Java

IDS = [str(number) for number in range(1, len(QUERIES) + 1)]
TITLES, TEXTS = zip(*DOCUMENTS.values(), strict=True)


@pytest.fixture(scope="module")
def students():
    return {paradigm: make_student(paradigm) for paradigm in ("sparse", "dense")}


@pytest.fixture(scope="module")
def work(tmp_path_factory, students):
    folder = tmp_path_factory.mktemp("lookup")
    lines = [f"{name}\t{query}\n" for name, query in zip(IDS, QUERIES, strict=True)]
    (folder / "topics.tsv").write_text("".join(lines))
    for paradigm, student in students.items():
        student.write(folder / paradigm)
    return folder


@pytest.fixture(scope="module")
def scores(students):
    """Integer dot products of the teacher's documents and of queries taken from the table."""
    student = students["sparse"]
    teacher, table = student.teacher, student.table
    documents = teacher.impacts(teacher.encode_documents(list(TEXTS), TITLES))
    queries = []
    for query in QUERIES:
        ids = teacher.backbone.tokenizer(query, add_special_tokens=False)["input_ids"]
        impacts = {teacher.vocabulary[i]: int(np.rint(table[i] * np.float32(100))) for i in ids}
        queries.append({term: impact for term, impact in impacts.items() if impact})
    return sparse_scores(queries, documents)


def checksums(folder):
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_sparse_search_is_brute_force(warm_python, work, made, scores):
    before = checksums(made.sparse)
    words = ("--impact", "--index", made.sparse, "--topics", work / "topics.tsv")
    command = ("-m", "pyserini.search.lucene", *words, "--encoder", work / "sparse")
    warm_python(*command, "--output", work / "run", "--hits", 1000)
    assert_run_equals(read_run(work / "run"), IDS, list(DOCUMENTS), scores, 1000)
    assert (scores > 0).sum() > len(QUERIES) and checksums(made.sparse) == before


@pytest.mark.parametrize(("suffix", "reader"), [("tsv", "TsvInt"), ("jsonl", "JsonString")])
def test_java_alone_searches_a_query_file(work, made, scores, suffix, reader):
    """Pyserini encodes nothing and Python does not run: Anserini's jar and a file of terms."""
    queries = work / f"queries.{suffix}"
    words = ("--topics", work / "topics.tsv", "--encoder", work / "sparse", "--output", queries)
    assert main([*map(str, words)]) == 0
    from pyserini.pyclass import autoclass

    jar = autoclass("java.lang.System").getProperty("java.class.path").split(":")[0]
    runtime, run = java.choose(), work / f"run.{suffix}"
    words = ("-index", made.sparse, "-topics", queries, "-topicReader", reader, "-output", run)
    search = (runtime.java, "-cp", jar, "io.anserini.search.SearchCollection", *words)
    options = ("-impact", "-pretokenized", "-hits", "1000")
    subprocess.run([*search, *options], check=True, capture_output=True)
    assert_run_equals(read_run(run), IDS, list(DOCUMENTS), scores, 1000)


def test_dense_search_is_brute_force(work, made, students):
    from pyserini.search.faiss import FaissSearcher

    before, student = checksums(made.dense), students["dense"]
    searcher = FaissSearcher(str(made.dense), str(work / "dense"))
    documents = student.teacher.encode_documents(list(TEXTS), TITLES)
    for query in QUERIES:
        ids = student.teacher.backbone.tokenizer(query, add_special_tokens=False)["input_ids"]
        vector = student.table[ids].sum(axis=0, dtype=np.float64)
        wanted = documents @ (vector / np.linalg.norm(vector))
        found = {hit.docid: hit.score for hit in searcher.search(query, 5)}
        assert list(found) == [list(DOCUMENTS)[i] for i in np.argsort(-wanted)]
        np.testing.assert_allclose([found[docid] for docid in DOCUMENTS], wanted, atol=1e-5)
    assert checksums(made.dense) == before


def test_hybrid(warm_python, work, made):
    dense = ("dense", "--index", made.dense, "--encoder", work / "dense")
    sparse = ("sparse", "--index", made.sparse, "--encoder", work / "sparse", "--impact")
    run = ("run", "--topics", work / "topics.tsv", "--output", work / "fused", "--hits", 3)
    warm_python("-m", "pyserini.search.hybrid", *dense, *sparse, "fusion", *run)
    assert {name: len(hits) for name, hits in read_run(work / "fused").items()} == dict.fromkeys(
        IDS, 3
    )


def test_an_index_of_another_teacher(work, made, students, tmp_path):
    from pyserini.search.lucene import LuceneImpactSearcher

    teacher = Teacher.load(work / "sparse")
    other = Teacher(
        "other", teacher.contract, "0" * 64, None, teacher.vocabulary, teacher.vocabulary_size
    )
    folder = students["sparse"].write(tmp_path / "student", teacher=other)
    with pytest.raises(UsageError, match=r"made by llm-splade-tiny with other weights than other"):
        LuceneImpactSearcher(str(made.sparse), LlmSpladeQueryEncoder(str(folder)))


def test_served(work, made, scores):
    encoders = {
        "sparse": LlmSpladeQueryEncoder(str(work / "sparse")),
        "dense": LlmDenseQueryEncoder(str(work / "dense")),
    }
    for index in find_indexes([made.sparse, made.dense], None):
        served = ServedIndex(index, encoders[index.name], 4, 1)
        together = served.search_batch(QUERIES, 5)
        assert together == [served.search(query, 5) for query in QUERIES]
        if index.name == "sparse":
            best = [list(DOCUMENTS)[row.argmax()] for row in scores]
            assert [hits[0][0] for hits in together] == best


def test_a_query_without_terms(work):
    encoder = LlmSpladeQueryEncoder(str(work / "sparse"))
    assert encoder.encode("") == {} and encoder.encode("cats") != {}
    assert not LlmDenseQueryEncoder(str(work / "dense")).encode("").any()
