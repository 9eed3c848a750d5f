"""Teachers score as their models do one pair at a time, or say why they cannot."""

import json
import os

import pytest
import torch
import transformers

from llm_encoders import EncoderError, UsageError, load_encoder
from llm_encoders.teachers.base import Passage
from llm_encoders.teachers.choice import find_teacher, load_teacher
from tests.llm_encoders.conftest import BACKBONE, TOPICS

GROUPS = [
    ("when do cats hunt", [Passage("cats", None, TOPICS["cats"]), Passage("rain", "", "Rain.")]),
    ("rails", [Passage("trains", "trains", TOPICS["trains"] * 3)]),
]


def save(model, folder):
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(BACKBONE).save_pretrained(folder)
    return folder


def small_config(**changes):
    torch.manual_seed(3)
    backbone = transformers.AutoConfig.from_pretrained(BACKBONE)
    return transformers.LlamaConfig(
        **{
            "vocab_size": backbone.vocab_size,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "initializer_range": 0.3,
            **changes,
        }
    )


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_cross_encoder(tmp_path, batch_size):
    model = transformers.LlamaForSequenceClassification(small_config(num_labels=1)).eval()
    folder = save(model, tmp_path / "cross")
    found = load_teacher(str(folder), device="cpu", batch_size=batch_size).scores(GROUPS)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for (query, passages), scores in zip(GROUPS, found, strict=True):
        for passage, score in zip(passages, scores, strict=True):
            with torch.inference_mode():
                inputs = tokenizer(query, passage.joined, return_tensors="pt")
                wanted = model(**inputs).logits[0, 0].item()
            assert score == pytest.approx(wanted, rel=1e-4, abs=1e-5)


def test_a_query_longer_than_the_passage_is_cut(tmp_path):
    model = transformers.LlamaForSequenceClassification(
        small_config(num_labels=1, max_position_embeddings=48)
    )
    teacher = load_teacher(str(save(model, tmp_path / "cross")), device="cpu")
    long, passage = "rails and trains " * 100, Passage("cats", None, TOPICS["cats"])
    (found,) = teacher.scores([(long, [passage])])
    assert found == teacher.scores([(long + "and more", [passage])])[0]


def test_cross_encoder_with_two_outputs(tmp_path):
    model = transformers.LlamaForSequenceClassification(small_config(num_labels=2))
    with pytest.raises(EncoderError, match="has one output, this one has 2"):
        load_teacher(str(save(model, tmp_path / "cross")), device="cpu")


@pytest.mark.parametrize("damage", ["no weights", "truncated weights", "no tokenizer", "no config"])
def test_a_damaged_teacher_is_a_sentence(tmp_path, damage):
    model = transformers.LlamaForSequenceClassification(small_config(num_labels=1))
    folder = save(model, tmp_path / "cross")
    if damage == "no tokenizer":
        (folder / "tokenizer.json").write_text("{")
    elif damage == "no config":
        (folder / "config.json").unlink()
    elif damage == "no weights":
        (folder / "model.safetensors").unlink()
    else:
        os.truncate(folder / "model.safetensors", 1000)
    with pytest.raises(
        EncoderError, match="cross cannot be loaded as a teacher: |Cannot read .*config.json"
    ):
        load_teacher(str(folder), device="cpu")


def test_yes_no_language_model(tmp_path):
    model = transformers.LlamaForCausalLM(small_config(max_position_embeddings=48)).eval()
    folder = save(model, tmp_path / "lm")
    teacher = load_teacher(str(folder), device="cpu", batch_size=2)
    assert teacher.yes != teacher.no
    found = teacher.scores(GROUPS)
    for (query, passages), scores in zip(GROUPS, found, strict=True):
        for passage, score in zip(passages, scores, strict=True):
            prompt = teacher.prepare(query, passage.joined)
            assert len(prompt) <= 48
            ending = teacher.tokenizer.decode(prompt).replace(" ", "")
            assert ending.endswith("yesorno.answer:")  # the question is whole
            with torch.inference_mode():
                logits = model(torch.tensor([prompt])).logits[0, -1]
            wanted = (logits[teacher.yes] - logits[teacher.no]).item()
            assert score == pytest.approx(wanted, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", ["llm-splade-tiny", "llm-dense-tiny"])
def test_our_encoders(name):
    encoder = load_encoder(name, device="cpu")
    found = load_teacher(name, device="cpu").scores(GROUPS)
    for (query, passages), scores in zip(GROUPS, found, strict=True):
        texts, titles = [p.text for p in passages], [p.title for p in passages]
        product = encoder.encode_queries([query]) @ encoder.encode_documents(texts, titles).T
        product = product.toarray() if hasattr(product, "toarray") else product
        wanted = product[0] / encoder.config.temperature
        assert scores == pytest.approx(wanted.tolist(), rel=1e-4)


def test_unknown_teachers(tmp_path):
    with pytest.raises(
        UsageError, match="neither a folder nor a Hub id. Nor is it one of our encoders."
    ):
        load_teacher("nowhere")
    with pytest.raises(UsageError, match="Unknown kind of teacher 'bi'"):
        load_teacher("nowhere", "bi")


def test_a_cross_encoder_without_its_classifier_is_refused(tmp_path):
    """Its scores would be random, and differ from run to run."""
    bare = transformers.LlamaModel(small_config(num_labels=1))
    folder = save(bare, tmp_path / "bare")
    with pytest.raises(EncoderError, match=r"bare lacks weights \(score.weight\), so its scores"):
        load_teacher(str(folder), "cross-encoder", device="cpu")


def bert(kind="BertModel", **changes):
    torch.manual_seed(5)
    config = transformers.BertConfig(
        **{
            "vocab_size": 20_000,
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "max_position_embeddings": 64,
            "initializer_range": 0.3,
            **changes,
        }
    )
    return getattr(transformers, kind)(config).eval()


@pytest.mark.parametrize("kind", ["BertModel", "BertForMaskedLM"])
def test_yes_no_on_a_bert_is_refused(tmp_path, kind):
    folder = save(bert(kind), tmp_path / "bert")
    with pytest.raises(EncoderError, match=f"must be a causal language model; .*bert is a {kind}"):
        load_teacher(str(folder), "yes-no", device="cpu")


def test_code_of_the_repository_is_not_replaced_by_stock_code(tmp_path):
    folder = save(bert("BertForSequenceClassification", num_labels=1), tmp_path / "own")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling.Own"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match="names code of its own"):
        load_teacher(str(folder), device="cpu")
    del config["auto_map"]
    config["attn_implementation"] = "kernels-community/flash"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match="a kernel of the Hub, whose code is not run"):
        load_teacher(str(folder), device="cpu")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_teacher_that_gives_no_number_names_the_query(tmp_path, value):
    model = transformers.LlamaForSequenceClassification(small_config(num_labels=1))
    with torch.no_grad():
        model.score.weight[0, 0] = value
    teacher = load_teacher(str(save(model, tmp_path / "cross")), device="cpu")
    with pytest.raises(EncoderError, match="NaN or an infinite number for the query 'when do cats"):
        teacher.scores(GROUPS[:1])


def test_an_encoder_that_gives_no_number_names_the_text():
    teacher = load_teacher("llm-dense-tiny", device="cpu")
    with torch.no_grad():
        teacher.encoder.backbone.decoder.embed_tokens.weight.fill_(float("nan"))
    with pytest.raises(EncoderError, match="NaN or an infinite number for the query 'when do cats"):
        teacher.scores(GROUPS[:1])


@pytest.mark.parametrize("size", [-1, 0])
def test_batch_sizes_that_would_score_nothing_are_refused(size):
    with pytest.raises(UsageError, match="give at least 1"):
        load_teacher("llm-dense-tiny", batch_size=size)


@pytest.mark.parametrize(("dtype", "wanted"), [(None, "float32"), ("bfloat16", "bfloat16")])
def test_float32_unless_another_dtype_is_asked_for(tmp_path, dtype, wanted):
    model = transformers.LlamaForSequenceClassification(small_config(num_labels=1))
    folder = save(model.to(torch.bfloat16), tmp_path / "cross")  # as its files have it
    for name in (str(folder), "llm-dense-tiny"):
        choice = find_teacher(name, device="cpu", dtype=dtype)
        assert choice.record["dtype"] == choice.fingerprint["dtype"] == wanted
        teacher = choice.load()
        found = teacher.encoder.dtype if name == "llm-dense-tiny" else teacher.model.dtype
        assert found == getattr(torch, wanted)


def test_another_file_of_the_teacher_is_another_job(tmp_path):
    folder = save(bert("BertForSequenceClassification", num_labels=1), tmp_path / "cross")
    before = find_teacher(str(folder)).fingerprint
    assert find_teacher(str(folder)).fingerprint == before
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert find_teacher(str(folder)).fingerprint != before


def test_bfloat16_computes_as_the_model_in_bfloat16(tmp_path):
    model = transformers.LlamaForSequenceClassification(small_config(num_labels=1)).eval()
    folder = save(model, tmp_path / "cross")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    query, (passage, _) = GROUPS[0]
    inputs = tokenizer(query, passage.joined, return_tensors="pt")
    with torch.inference_mode():
        exact = model(**inputs).logits.item()
        rounded = model.to(torch.bfloat16)(**inputs).logits.float().item()
    assert exact != rounded
    for dtype, wanted in (("float32", exact), ("bfloat16", rounded)):
        teacher = load_teacher(str(folder), device="cpu", dtype=dtype)
        assert teacher.scores([(query, [passage])])[0][0] == pytest.approx(wanted, rel=1e-5)
