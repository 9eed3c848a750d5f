"""Teachers score as their models do one pair at a time; scoring goes on where it was stopped."""

import json
import os
import re

import pytest
import torch
import transformers

from llm_encoders import EncoderError, UsageError, load_encoder
from llm_encoders.data.sources import DataSources
from llm_encoders.score import job
from llm_encoders.teachers import load_teacher
from llm_encoders.teachers.base import Passage, Teacher
from tests.llm_encoders.conftest import (  # noqa: F401
    BACKBONE,
    TOPICS,
    beir,
    scored,
    write_lines,
)

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
    with pytest.raises(EncoderError, match="cross cannot be loaded as a teacher: "):
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


def test_sentence_transformers_layout(tmp_path):
    config = transformers.BertConfig(
        vocab_size=20_000, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    folder = save(transformers.BertModel(config).eval(), tmp_path / "bi")
    (folder / "1_Pooling").mkdir()
    modules = ["Transformer", "Pooling", "Normalize"]
    paths = ["", "1_Pooling", "2_Normalize"]
    listed = [
        {"type": f"sentence_transformers.models.{kind}", "path": path}
        for kind, path in zip(modules, paths, strict=True)
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    pooling = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    teacher = load_teacher(str(folder), device="cpu")
    text = Passage("x", None, "the same words")
    assert teacher.scores([("the same words", [text])])[0][0] == pytest.approx(1.0, abs=1e-5)
    pooling = {"pooling_mode_max_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    with pytest.raises(EncoderError, match="pooling .*max_tokens.* is not supported"):
        load_teacher(str(folder), device="cpu")


def test_unknown_teachers(tmp_path):
    with pytest.raises(
        UsageError, match="neither a folder nor a Hub id. Nor is it one of our encoders."
    ):
        load_teacher("nowhere")
    with pytest.raises(UsageError, match="Unknown kind of teacher 'bi'"):
        load_teacher("nowhere", "bi")


class Counter(Teacher):
    """Scores by the length of the text; may fail."""

    def __init__(self, fails_at=None):
        self.calls, self.fails_at = 0, fails_at

    def scores(self, groups):
        self.calls += 1
        if self.calls == self.fails_at:
            raise KeyboardInterrupt
        return [[float(len(passage.text)) for passage in passages] for _, passages in groups]


def test_stopped_and_gone_on_with(tmp_path, beir, scored, monkeypatch):  # noqa: F811
    monkeypatch.setattr(job, "_WINDOW", 2)
    sources = DataSources(str(scored), str(beir / "corpus.jsonl"))
    job.score(sources, Counter(), "counter", tmp_path / "whole.jsonl")
    with pytest.raises(KeyboardInterrupt):
        job.score(sources, Counter(fails_at=4), "counter", tmp_path / "out.jsonl")
    partial = tmp_path / "out.jsonl.partial"
    assert len(partial.read_text().splitlines()) == 6 and not (tmp_path / "out.jsonl").exists()
    partial.write_text(partial.read_text() + '{"question": "cut')  # as a kill leaves it
    with pytest.raises(UsageError, match="begun with another teacher"):
        job.score(sources, Counter(), "other", tmp_path / "out.jsonl")
    job.score(sources, Counter(), "counter", tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert not list(tmp_path.glob("out.jsonl.*"))
    first = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert first["pos_score"] == [len(TOPICS["statins"])]
    with pytest.raises(UsageError, match="is there already"):
        job.score(sources, Counter(), "counter", tmp_path / "out.jsonl")


def test_overwriting_keeps_the_output_until_the_new_one_is_whole(
    tmp_path,
    beir,  # noqa: F811
    scored,  # noqa: F811
):
    output, sources = tmp_path / "out.jsonl", DataSources(str(scored), str(beir / "corpus.jsonl"))
    job.score(sources, Counter(), "counter", output)
    before = output.read_bytes()
    with pytest.raises(EncoderError):
        mistyped = DataSources(str(tmp_path / "scord.jsonl"), sources.corpus)
        job.score(mistyped, Counter(), "counter", output, overwrite=True)
    with pytest.raises(KeyboardInterrupt):
        job.score(sources, Counter(fails_at=1), "other", output, overwrite=True)
    assert output.read_bytes() == before
    job.score(sources, Counter(), "other", output)  # goes on with what was being overwritten
    with pytest.raises(UsageError, match="is there already"):
        job.score(sources, Counter(), "other", output)
    for wrong in (scored, beir / "corpus.jsonl"):
        content = wrong.read_bytes()
        with pytest.raises(UsageError, match="is an input file; name another output"):
            job.score(sources, Counter(), "counter", wrong, overwrite=True)
        assert wrong.read_bytes() == content


def test_lone_surrogates_do_not_stop_it(tmp_path):
    train = tmp_path / "pairs.jsonl"
    train.write_text('{"query": "a \\ud800 b", "passage": "c \\udfff d", "title": "t"}\n')
    job.score(DataSources(str(train)), Counter(), "counter", tmp_path / "out.jsonl")
    record = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
    assert record["query"] == "a \ufffd b"
    assert record["positive_passages"][0]["text"] == "c \ufffd d"


def test_out_of_memory_is_a_sentence(tmp_path, beir, scored):  # noqa: F811
    class Greedy(Teacher):
        def scores(self, groups):
            raise torch.OutOfMemoryError("CUDA out of memory.")

    sources = DataSources(str(scored), str(beir / "corpus.jsonl"))
    with pytest.raises(EncoderError, match="Out of memory: CUDA .* Lower the teacher's --batch-s"):
        job.score(sources, Greedy(), "greedy", tmp_path / "out.jsonl")


def test_passages_in_full(tmp_path):
    train = write_lines(
        tmp_path / "pairs.jsonl", [{"query": "q", "passage": "some text", "title": "t"}]
    )
    job.score(DataSources(str(train)), Counter(), "counter", tmp_path / "out.jsonl")
    record = json.loads((tmp_path / "out.jsonl").read_text())
    assert record["positive_passages"][0]["text"] == "some text"
    assert record["positive_scores"] == [9.0]


def test_command_reports_bad_input(python, tmp_path, beir):  # noqa: F811
    train = write_lines(
        tmp_path / "t.jsonl", [{"question": "q", "pos_pid": "dogs", "neg_pids": []}]
    )
    result = python(
        *("-m", "llm_encoders.score", "--train", train, "--corpus", beir / "corpus.jsonl"),
        *("--teacher", "llm-dense-tiny", "--output", tmp_path / "o.jsonl"),
        code=1,
    )
    assert re.search(r"t\.jsonl, line 1: passage 'dogs' is not in the corpus", result.stderr)
    assert "Traceback" not in result.stderr
