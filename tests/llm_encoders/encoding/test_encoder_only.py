"""Query towers that are encoders like BERT, and heads over the index terms of a teacher."""

import dataclasses
import json

import numpy as np
import pytest
import torch
import transformers

from llm_encoders import EncoderConfig, EncoderError, UsageError, load_encoder
from llm_encoders.checkpoints import backbone_checks
from llm_encoders.checkpoints.fingerprint import weights_digest
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.heads.term_head import TermHead
from tests.llm_encoders.towers import CONTRACTS, TEXTS, WORDS, write_decoder, write_encoder_only

MEAN = EncoderConfig("dense", pooling="mean", query_max_length=32)
KINDS = ["bert", "distilbert", "modernbert", "roberta"]


def plain_states(folder, text):
    """Hidden states of one text as Transformers gives them, [length, hidden]."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    ids = transformers.AutoTokenizer.from_pretrained(folder)(text)["input_ids"]
    with torch.no_grad():
        return model(torch.tensor([ids])).last_hidden_state[0]


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_those_of_the_model(kind, tmp_path):
    sizes = {"pad_token_id": 5} if kind == "roberta" else {}  # positions begin behind it
    folder = write_encoder_only(tmp_path / kind, MEAN, kind, **sizes)
    encoder = load_encoder(folder, device="cpu")
    expected = np.stack([plain_states(folder, text).mean(0).numpy() for text in TEXTS])
    for side in ("right", "left"):
        encoder.padding_side = side
        np.testing.assert_allclose(encoder.encode_queries(TEXTS), expected, atol=1e-5)
    assert encoder.backbone.first_position == (6 if kind == "roberta" else 0)
    assert encoder.max_length("passage") == (58 if kind == "roberta" else 64)
    encoder.encode_documents(["the cat " * 60])  # as many positions as there are
    one_more = [[1] * (encoder.max_length("passage") + 1)]
    if kind in ("bert", "roberta"):
        with pytest.raises((IndexError, RuntimeError)):
            encoder.encode_document_tokens(one_more)


def test_what_such_a_model_cannot_be(tmp_path):
    folder = write_encoder_only(tmp_path / "bert", MEAN, "bert")
    dataclasses.replace(MEAN, attention="causal").save(folder)
    with pytest.raises(
        EncoderError, match="type bert attends in both directions, but the contract"
    ):
        load_encoder(folder, device="cpu")
    EncoderConfig("sparse").save(folder)
    with pytest.raises(EncoderError, match="type bert needs a head over index terms"):
        load_encoder(folder, device="cpu")
    (folder / "encoder_config.json").unlink()
    for options in ({"paradigm": "dense"}, {"like": "lion", "paradigm": "dense"}):
        with pytest.raises(UsageError, match="is of the type bert, an encoder like BERT"):
            load_encoder(folder, device="cpu", **options)


def test_a_model_that_counts_positions_otherwise_is_refused(tmp_path, monkeypatch):
    folder = write_encoder_only(tmp_path / "roberta", MEAN, "roberta")
    backbone = load_encoder(folder, device="cpu").backbone
    backbone_checks.check_padding(backbone, "x")
    backbone.first_position = 0  # as if it were BERT
    with pytest.raises(EncoderError, match="x: a text's states depend on padding beside it in Rob"):
        backbone_checks.check_padding(backbone, "x")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return write_decoder(tmp_path_factory.mktemp("teacher"), CONTRACTS["sparse"])


TERMS = ["<unk>", "<s>", *WORDS]


def head(hidden=16, bias=True):
    generator = torch.Generator().manual_seed(4)
    weight = torch.randn(len(TERMS), hidden, generator=generator)
    return TermHead(weight, torch.randn(len(TERMS), generator=generator) if bias else None, TERMS)


@pytest.fixture
def student(teacher, tmp_path):
    """A BERT with another tokenizer and a head over the teacher's terms."""
    contract = dataclasses.replace(
        CONTRACTS["sparse"],
        logit_scale=0.5,
        passage_encoder="teacher",
        vocabulary_head="vocabulary_head",
    )
    folder = write_encoder_only(tmp_path / "student", contract, "bert")
    head().save(folder / "vocabulary_head")
    Teacher.of(load_encoder(teacher, device="cpu")).save(folder)
    return folder


def test_term_weights_of_a_head_of_its_own(student):
    encoder = load_encoder(student, device="cpu")
    assert encoder.vocabulary == TERMS
    expected = []
    for text in TEXTS:
        states = plain_states(student, text).double().numpy()
        logits = states @ head().weight.double().numpy().T + head().bias.double().numpy()
        expected.append(np.log1p(np.maximum(0.5 * logits, 0)).max(0))
    found = encoder.encode_queries(TEXTS).toarray()
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)
    assert set(encoder.impacts(encoder.encode_queries(TEXTS))[0]) <= set(TERMS)
    encoder.half()
    assert encoder.backbone.head.dtype == torch.float16


def test_a_head_without_bias(student):
    head(bias=False).save(student / "vocabulary_head")
    encoder = load_encoder(student, device="cpu")
    states = plain_states(student, TEXTS[0])
    expected = torch.log1p(torch.relu(0.5 * states @ head().weight.T)).amax(0)
    np.testing.assert_allclose(encoder.encode_queries(TEXTS[:1]).toarray()[0], expected, atol=1e-5)


def test_the_head_is_part_of_the_weights(student):
    before = weights_digest(load_encoder(student, device="cpu").files)
    changed = head()
    changed.weight[0, 0] += 1
    changed.save(student / "vocabulary_head")
    assert weights_digest(load_encoder(student, device="cpu").files) != before


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        (TERMS[:-1], "weight has the shape \\(17, 16\\), but 16 terms and states of 16"),
        ([*TERMS[:-1], "the"], "expected distinct index terms"),
        ([*TERMS[:-1], 3], "expected a JSON list of index terms"),
        ([*TERMS[:-1], "two words"], "Lucene would not take 'two words' of its vocabulary head"),
        ([*TERMS[:-1], "moon"], "its 17 index terms are not the 17 of its teacher"),
    ],
    ids=str,
)
def test_other_terms(student, terms, problem):
    (student / "vocabulary_head" / "terms.json").write_text(json.dumps(terms))
    with pytest.raises(EncoderError, match=problem):
        load_encoder(student, device="cpu")


def test_damaged_heads(student):
    path = student / "vocabulary_head" / "model.safetensors"
    head(hidden=8).save(path.parent)
    with pytest.raises(EncoderError, match="shape \\(17, 8\\), but 17 terms and states of 16"):
        load_encoder(student, device="cpu")
    broken = head()
    broken.weight[0, 0] = torch.nan
    broken.save(path.parent)
    with pytest.raises(EncoderError, match="weight holds NaN or infinite numbers"):
        load_encoder(student, device="cpu")
    path.write_bytes(b"x")
    with pytest.raises(EncoderError, match="Cannot load .*model.safetensors: .* Copy the folder"):
        load_encoder(student, device="cpu")
    path.unlink()
    with pytest.raises(EncoderError, match="Cannot load .*model.safetensors"):
        load_encoder(student, device="cpu")
    (path.parent / "terms.json").unlink()
    with pytest.raises(EncoderError, match="Cannot read .*terms.json: No such file"):
        load_encoder(student, device="cpu")
