"""A query tower searches the unchanged index of its teacher by Pyserini's own commands."""

import dataclasses

import numpy as np
import pytest

from llm_encoders import load_encoder
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.heads.term_head import TermHead
from llm_encoders.jobs.fingerprint import checksum
from pyserini_ext.encode.command import main as encode
from tests.llm_encoders.conftest import write_lines
from tests.llm_encoders.encoding.test_encoder_only import head
from tests.llm_encoders.towers import CONTRACTS, write_decoder, write_encoder_only, write_student

DOCUMENTS = ["the cat sat on the mat", "a dog ran", "rain of the red sun", "blue log", "sun tree"]
QUERIES = ["cat sun", "red dog ran", "the tree"]
COMMANDS = {"sparse": ("pyserini.search.lucene", "--impact"), "dense": ("pyserini.search.faiss",)}
WRITERS = {"sparse": "--to-lucene", "dense": "--to-faiss"}


def student_of(teacher, folder, paradigm):
    """Sparse: a BERT with a head over the teacher's terms; dense: a decoder of the same form."""
    if paradigm == "dense":
        return write_student(folder, teacher)
    contract = dataclasses.replace(
        CONTRACTS["sparse"],
        logit_scale=0.5,
        passage_encoder="teacher",
        vocabulary_head="vocabulary_head",
    )
    write_encoder_only(folder, contract, "bert")
    terms: TermHead = head()
    terms.save(folder / "vocabulary_head")
    Teacher.of(load_encoder(teacher, device="cpu")).save(folder)
    return folder


def files(index):
    return {path.name: checksum(path) for path in sorted(index.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("paradigm", ["sparse", "dense"])
def test_search_with_a_student(paradigm, tmp_path, warm_python):
    contract = dataclasses.replace(CONTRACTS[paradigm], temperature=1.0)
    teacher = write_decoder(tmp_path / "teacher", contract)
    student = student_of(teacher, tmp_path / "student", paradigm)
    other = student_of(
        write_decoder(tmp_path / "other", contract, seed=9), tmp_path / "x", paradigm
    )
    corpus = write_lines(
        tmp_path / "corpus.jsonl",
        [{"id": f"d{n}", "contents": text} for n, text in enumerate(DOCUMENTS)],
    )
    index, topics, run = (tmp_path / name for name in ("index", "topics.tsv", "run.txt"))
    topics.write_text("".join(f"{n}\t{text}\n" for n, text in enumerate(QUERIES)))
    words = ["--encoder", teacher, "--corpus", corpus, "--embeddings", index, WRITERS[paradigm]]
    assert encode([*map(str, words), "--device", "cpu"]) == 0
    before = files(index)

    command = ["-m", *COMMANDS[paradigm], "--index", index, "--topics", topics, "--output", run]
    command += ["--hits", "5", "--device", "cpu"] if paradigm == "dense" else ["--hits", "5"]
    warm_python(*command, "--encoder", student)
    assert files(index) == before
    documents = load_encoder(teacher, device="cpu")
    queries = load_encoder(student, device="cpu")
    one, two = queries.encode_queries(QUERIES), documents.encode_documents(DOCUMENTS)
    if paradigm == "sparse":
        one, two = queries.quantize(one).toarray(), documents.quantize(two).toarray()
    scores = one @ two.T
    found = np.zeros(scores.shape)
    for line in run.read_text().splitlines():
        query, _, document, _, score, _ = line.split()
        found[int(query), int(document[1:])] = float(score)
    np.testing.assert_allclose(found, scores, rtol=1e-5, atol=1e-5)

    refused = warm_python(*command, "--encoder", other, code=2)
    assert f"made by {teacher} with other weights than {tmp_path / 'other'}" in refused.stderr
