"""Two towers in one folder: queries as by the one loaded alone, passages as by the other."""

import dataclasses

import numpy as np
import pytest
import torch

from llm_encoders import DenseEncoder, EncoderConfig, EncoderError, UsageError, load_encoder
from tests.llm_encoders.towers import (
    CONTRACTS,
    OTHER_WORDS,
    TEXTS,
    WORDS,
    write_decoder,
    write_student,
    write_towers,
)

QUERY = {"query_prefix": "blue ", "query_max_length": 5, "query_top_k": 3}


def rows(vectors):
    return vectors if isinstance(vectors, np.ndarray) else vectors.toarray()


@pytest.fixture(scope="module", params=["sparse", "dense"])
def folders(request, tmp_path_factory):
    """Passage tower, query tower, and the folder of both."""
    root = tmp_path_factory.mktemp(request.param)
    contract = CONTRACTS[request.param]
    write_decoder(root / "passages", contract)
    write_decoder(root / "queries", dataclasses.replace(contract, **QUERY), seed=3)
    write_towers(root / "both", root / "passages", root / "queries")
    return root


@pytest.fixture
def encoders(folders):
    return [load_encoder(folders / name, device="cpu") for name in ("both", "passages", "queries")]


def test_each_side_is_that_of_its_tower(encoders):
    both, passages, queries = encoders
    found = rows(both.encode_queries(TEXTS))
    np.testing.assert_array_equal(found, rows(queries.encode_queries(TEXTS)))
    assert np.abs(found - rows(passages.encode_queries(TEXTS))).max() > 0.01
    documents = rows(both.encode_documents(TEXTS))
    np.testing.assert_array_equal(documents, rows(passages.encode_documents(TEXTS)))
    assert both.query_token_ids(TEXTS) == queries.query_token_ids(TEXTS)
    assert both.document_token_ids(TEXTS) == passages.document_token_ids(TEXTS)
    assert (both.max_length("query"), both.max_length("passage")) == (5, 64)
    if isinstance(both, DenseEncoder):
        assert both.dimension == 16
    else:
        assert both.vocabulary == ["<unk>", "<s>", *WORDS]
        assert (found > 0).sum(1).max() == 3


def test_what_is_replaced_goes_to_its_side(encoders):
    both, passages, queries = encoders
    before = rows(both.encode_documents(TEXTS))
    for encoder in (both, queries):
        encoder.replace_prefix("query", "red ")
    for encoder in (both, passages):
        encoder.replace_prefix("passage", "tree ")
    both.replace_config(query_max_length=4, passage_max_length=3)
    found = rows(both.encode_queries(TEXTS))
    np.testing.assert_array_equal(found, rows(queries.encode_queries(TEXTS, max_length=4)))
    documents = rows(both.encode_documents(TEXTS))
    expected = rows(passages.encode_documents(TEXTS, max_length=3))
    np.testing.assert_array_equal(documents, expected)
    assert np.abs(documents - before).max() > 0.01
    with pytest.raises(UsageError, match="query_max_length is 1, which leaves no room"):
        both.replace_config(query_max_length=1, passage_max_length=9)
    np.testing.assert_array_equal(rows(both.encode_documents(TEXTS)), documents)
    with pytest.raises(UsageError, match="query_encoder cannot be changed once"):
        both.replace_config(query_encoder="model")


def test_number_format_and_batches_are_those_of_both(encoders, monkeypatch):
    both, _, queries = encoders
    both.batch_size, both.batch_tokens, both.padding_side = 2, 8, "left"
    expected = rows(queries.encode_queries(TEXTS))
    np.testing.assert_allclose(rows(both.encode_queries(TEXTS)), expected, atol=1e-5)
    tower = both.queries
    assert (tower.batch_size, tower.batch_tokens, tower.padding_side) == (2, 8, "left")
    both.cast(torch.bfloat16)
    assert both.dtype == tower.dtype == torch.bfloat16
    np.testing.assert_allclose(rows(both.encode_queries(TEXTS)), expected, atol=0.1)
    monkeypatch.setattr(torch, "compile", lambda decoder, dynamic: ("compiled", decoder))
    both.compile()
    assert both.backbone.decoder[0] == tower.backbone.decoder[0] == "compiled"


def test_options_behind_the_name_go_to_their_side(folders):
    both = load_encoder(f"{folders / 'both'},query_prefix=red ,passage_prefix=tree ", device="cpu")
    queries = load_encoder(folders / "queries", device="cpu", query_prefix="red ")
    passages = load_encoder(folders / "passages", device="cpu", passage_prefix="tree ")
    np.testing.assert_array_equal(
        rows(both.encode_queries(TEXTS)), rows(queries.encode_queries(TEXTS))
    )
    np.testing.assert_array_equal(
        rows(both.encode_documents(TEXTS)), rows(passages.encode_documents(TEXTS))
    )
    assert queries.config.passage_prefix == both.queries.config.passage_prefix


def test_a_distilled_query_tower_leaves_the_passages_as_they_are(folders, tmp_path):
    student = write_student(tmp_path / "student", folders / "passages", seed=7)
    both = load_encoder(
        write_towers(tmp_path / "both", folders / "passages", student), device="cpu"
    )
    alone = load_encoder(student, device="cpu")
    expected = rows(alone.encode_queries(TEXTS))
    np.testing.assert_array_equal(rows(both.encode_queries(TEXTS)), expected)
    other = write_towers(tmp_path / "other", folders / "queries", student)
    with pytest.raises(EncoderError, match="was distilled from .*/passages, which has other weig"):
        load_encoder(other, device="cpu")


def change(folder, **changes):
    dataclasses.replace(EncoderConfig.load(folder), **changes).save(folder)


def test_towers_that_do_not_belong_together(folders, tmp_path):
    sparse = folders.name.startswith("sparse")
    contract = EncoderConfig.load(folders / "queries")
    if sparse:
        other = write_decoder(tmp_path / "queries", contract, words=OTHER_WORDS)
        problem = "vocabulary of the passage tower and of the query tower .*: not the same"
    else:
        other = write_decoder(tmp_path / "queries", contract, hidden=32)
        problem = "dimension of the passage tower and of the query tower .*: 16 and 32"
    folder = write_towers(tmp_path / "both", folders / "passages", other)
    with pytest.raises(EncoderError, match=problem):
        load_encoder(folder, device="cpu")
    change(folder / "query", query_encoder="query")
    with pytest.raises(EncoderError, match="query_encoder is 'query', but the .* must be a model"):
        load_encoder(folder, device="cpu")
    CONTRACTS["dense" if sparse else "sparse"].save(folder / "query")
    with pytest.raises(EncoderError, match="but its query tower .*/query is a"):
        load_encoder(folder, device="cpu")
    (folder / "query" / "encoder_config.json").unlink()
    with pytest.raises(EncoderError, match="query_encoder is 'query', but there is no"):
        load_encoder(folder, device="cpu")


def test_two_towers_have_no_teacher(folders, tmp_path):
    student = write_student(tmp_path / "student", folders / "passages")
    folder = write_towers(tmp_path / "both", student, folders / "queries")
    with pytest.raises(EncoderError, match="but passage_encoder is 'teacher'. Name the folder of"):
        load_encoder(folder, device="cpu")


def test_a_student_of_another_space(folders, tmp_path):
    student = write_student(tmp_path / "student", folders / "passages")
    contract = EncoderConfig.load(student)
    if contract.paradigm == "sparse":
        write_decoder(student, contract, words=OTHER_WORDS)
        problem = "its 12 index terms are not the 17 of its teacher .*/passages"
    else:
        write_decoder(student, contract, hidden=32)
        problem = "its vectors have 32 components, but those of its teacher .*/passages have 16"
    with pytest.raises(EncoderError, match=problem):
        load_encoder(student, device="cpu")
