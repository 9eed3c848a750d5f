"""Initial tables against their formulas, computed for one token at a time."""

import dataclasses
import math

import numpy as np
import pytest

from llm_encoders import EncoderError, UsageError, load_encoder
from llm_encoders.encoding.lookup.from_teacher import (
    lookup_contract,
    teacher_rows,
    teacher_tokenizer,
)
from llm_encoders.encoding.lookup.initial import document_frequencies, idf, ones
from llm_encoders.jobs import resumable_batches
from tests.llm_encoders.towers import CONTRACTS, write_decoder, write_towers

TEXTS = ["The cat sat.", "the cat and the cat </s>", "A dog sat", ""]


def test_ones(sparse):
    tokenizer, size = teacher_tokenizer(sparse.teacher), len(sparse.teacher.vocabulary)
    weights = ones(tokenizer, size)
    assert weights.dtype == np.float32 and weights[:4].tolist() == [0, 0, 0, 0]
    assert (weights[4:] == 1).all() and len(weights) == size


def test_idf(sparse):
    tokenizer, size = teacher_tokenizer(sparse.teacher), len(sparse.teacher.vocabulary)
    weights = idf(tokenizer, size, iter(TEXTS), sparse.contract)
    for term, having in {
        "Ġthe": 2,
        "Ġcat": 2,
        "Ġsat": 2,
        "Ġdog": 1,
        sparse.teacher.vocabulary[5000]: 0,
    }.items():
        wanted = math.log(1 + (4 - having + 0.5) / (having + 0.5))
        assert weights[sparse.teacher.vocabulary.index(term)] == pytest.approx(wanted), term
    assert not weights[:4].any() and (weights[4:] > 0).all()
    with pytest.raises(EncoderError, match="holds no texts"):
        idf(tokenizer, size, [], sparse.contract)


def test_idf_reads_whole_texts_as_the_contract_says(stories):
    teacher = load_encoder(stories, paradigm="sparse", like="lion", device="cpu")
    teacher.backbone.tokenizer.truncation_side = "left"
    tokenizer, size = teacher_tokenizer(teacher), len(teacher.vocabulary)
    contract = dataclasses.replace(lookup_contract(teacher), lowercase=True)
    long = "Lily " + "dog " * 900
    weights = idf(tokenizer, size, [long], contract)
    count, having = document_frequencies(tokenizer, size, [long.lower()])
    assert count == 1 and having.sum() == (weights < 1).sum() - (weights == 0).sum() > 3


@pytest.fixture(scope="module", params=["sparse", "dense"])
def small(request, stories):
    return load_encoder(stories, paradigm=request.param, like="lion", device="cpu")


def test_rows_of_the_teacher(small, tmp_path):
    """A token alone, between the teacher's special tokens, through encode_queries."""
    done = []
    rows = teacher_rows(small, tmp_path / "rows", batch_size=100, rows_done=done.append)
    tokenizer = small.backbone.tokenizer
    assert done == [100, 100, 100, 100, 100, 12] and rows.dtype == np.float32
    assert not rows[:3].any()  # <unk>, <s> and </s>
    compared = 0
    for token in range(3, 512, 7):
        text = tokenizer.decode([token])
        (ids,) = small.query_token_ids([text])
        if ids != [tokenizer.bos_token_id, token]:
            continue
        vector, compared = small.encode_queries([text]), compared + 1
        wanted = vector[0] if small.config.paradigm == "dense" else vector.toarray()[0, token]
        np.testing.assert_allclose(rows[token], wanted, atol=1e-5)
    assert compared > 10 and np.abs(rows).sum() > 1


def test_a_killed_run_resumes(small, tmp_path, monkeypatch):
    whole = teacher_rows(small, tmp_path / "whole", batch_size=64)
    monkeypatch.setattr(resumable_batches, "_SECONDS", 0)
    batches = []

    def stop(rows):
        batches.append(rows)
        if len(batches) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teacher_rows(small, tmp_path / "rows", batch_size=64, rows_done=stop)
    assert batches == [64, 64, 64]
    batches = []
    again = teacher_rows(small, tmp_path / "rows", batch_size=64, rows_done=batches.append)
    assert batches == [192, *[64] * 5]
    np.testing.assert_array_equal(again, whole)


def test_the_place_of_a_token(small, tmp_path):
    """Between prefix and suffix."""
    before = small.config
    try:
        small.replace_config(query_prefix="find: ", query_suffix=" now")
        rows = teacher_rows(small, tmp_path / "rows")
        token = small.backbone.tokenizer.convert_tokens_to_ids("▁the")
        (ids,) = small.query_token_ids(["the"])
        vector = small.encode_queries(["the"])
        wanted = vector[0] if before.paradigm == "dense" else vector.toarray()[0, token]
        assert ids.count(token) == 1 and len(ids) > 4
        np.testing.assert_allclose(rows[token], wanted, atol=1e-5)
        assert lookup_contract(small).query_max_length == 64 - len(ids) + 1
    finally:
        small.config = before


def test_terms_of_another_vocabulary(sparse, tmp_path):
    teacher = sparse.teacher
    before = teacher.config
    try:
        teacher.config = dataclasses.replace(before, vocabulary_head="vocabulary_head")
        with pytest.raises(UsageError, match="its terms are those of 'vocabulary_head'"):
            teacher_rows(teacher, tmp_path)
    finally:
        teacher.config = before


@pytest.mark.parametrize("paradigm", ["sparse", "dense"])
def test_of_two_towers_the_one_of_the_queries(tmp_path, paradigm):
    passages = write_decoder(tmp_path / "passages", CONTRACTS[paradigm])
    own = dataclasses.replace(CONTRACTS[paradigm], query_max_length=9, lowercase=True)
    queries = write_decoder(tmp_path / "queries", own, seed=3)
    both = load_encoder(write_towers(tmp_path / "both", passages, queries), device="cpu")
    alone = load_encoder(queries, device="cpu")
    rows = teacher_rows(both, tmp_path / "rows")
    np.testing.assert_array_equal(rows, teacher_rows(alone, tmp_path / "alone"))
    assert rows.any() and lookup_contract(both) == lookup_contract(alone)
    ids = both.query_token_ids(["the red cat"])
    one, other = both.encode_query_tokens(ids), alone.encode_queries(["the red cat"])
    assert np.abs(one - other).max() < 1e-6 < np.abs(one).max()
