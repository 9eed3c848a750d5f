"""Bi-encoders in the layout of sentence-transformers, against a computation by hand."""

import json

import pytest
import torch
import transformers

from llm_encoders import EncoderError
from llm_encoders.teachers.base import Passage
from llm_encoders.teachers.choice import load_teacher
from tests.llm_encoders.conftest import BACKBONE, TOPICS

QUERY = "When do Cats hunt"
PASSAGES = [Passage(0, None, TOPICS["cats"]), Passage(1, "Rain", "falls.")]
OLD = {
    "pooling_mode_cls_token": False,
    "pooling_mode_mean_tokens": False,
    "pooling_mode_max_tokens": False,
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(5)
    config = transformers.BertConfig(
        vocab_size=20_000, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64, initializer_range=0.3,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("bert")
    transformers.BertModel(config).eval().save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(BACKBONE).save_pretrained(folder)
    return folder


@pytest.fixture
def layout(weights, tmp_path):
    """Write the files around the weights; returns the folder."""

    def write(pooling, normalize=True, config=None, settings=None, extra=(), today=False):
        for path in weights.iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
        kinds = ["Transformer", "Pooling", *(["Normalize"] if normalize else []), *extra]
        home = (
            "sentence_transformers.sentence_transformer.modules"
            if today
            else ("sentence_transformers.models")
        )
        modules = [
            {"idx": i, "path": "" if i == 0 else f"{i}_{kind}", "type": f"{home}.{kind}"}
            for i, kind in enumerate(kinds)
        ]
        (tmp_path / "modules.json").write_text(json.dumps(modules))
        (tmp_path / "1_Pooling").mkdir()
        (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
        for name, values in {
            "config_sentence_transformers.json": config,
            "sentence_bert_config.json": settings,
        }.items():
            if values is not None:
                (tmp_path / name).write_text(json.dumps(values))
        return str(tmp_path)

    return write


def vector(folder, text, pooling, normalize=True, prompt_tokens=0, length=64):
    """One text alone, without padding, pooled by hand."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.BertModel.from_pretrained(folder).eval()
    ids = tokenizer(text)["input_ids"][:length]
    with torch.inference_mode():
        states = model(torch.tensor([ids])).last_hidden_state[0, prompt_tokens:]
    pooled = states[0] if pooling == "cls" else states.sum(0) / len(states)
    return pooled / pooled.square().sum().sqrt() if normalize else pooled


def wanted(folder, pooling, query=QUERY, before="", **options):
    left = vector(folder, query, pooling, **options)
    texts = [before + passage.joined for passage in PASSAGES]
    return [float(left @ vector(folder, text, pooling, **options)) for text in texts]


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize(
    ("pooling", "mode"),
    [
        ({**OLD, "pooling_mode_mean_tokens": True}, "mean"),
        ({**OLD, "pooling_mode_cls_token": True}, "cls"),
        ({"embedding_dimension": 32, "pooling_mode": "mean"}, "mean"),
        ({"embedding_dimension": 32, "pooling_mode": "cls", "include_prompt": True}, "cls"),
        ({"pooling_mode": ["cls"]}, "cls"),
    ],
)
def test_pooling_of_both_layouts(layout, pooling, mode, normalize):
    folder = layout(pooling, normalize, today="pooling_mode" in pooling)
    (found,) = load_teacher(folder, device="cpu").scores([(QUERY, PASSAGES)])
    assert found == pytest.approx(wanted(folder, mode, normalize=normalize), rel=1e-4)
    other = wanted(folder, "cls" if mode == "mean" else "mean", normalize=normalize)
    assert found != pytest.approx(other, rel=1e-2)


@pytest.mark.parametrize(
    ("prompts", "default", "query", "passage"),
    [
        ({"query": "query: ", "document": "passage: "}, None, "query: ", "passage: "),
        ({"query": "query: ", "passage": "passage: "}, None, "query: ", "passage: "),
        ({"query": "Represent this sentence: "}, None, "Represent this sentence: ", ""),
        ({"query": "", "document": "", "all": "text: "}, "all", "", ""),
        ({"query": "", "document": ""}, None, "", ""),
    ],
)
def test_prompts(layout, prompts, default, query, passage):
    config = {"prompts": prompts, "default_prompt_name": default, "similarity_fn_name": "dot"}
    folder = layout({"pooling_mode": "mean"}, config=config)
    (found,) = load_teacher(folder, device="cpu").scores([(QUERY, PASSAGES)])
    assert found == pytest.approx(wanted(folder, "mean", query + QUERY, passage), rel=1e-4)


def test_a_prompt_that_is_not_pooled(layout):
    config = {"prompts": {"query": "rails of trains ", "document": "rails of trains "}}
    folder = layout({"pooling_mode": "mean", "include_prompt": False}, config=config)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("rails of trains ")["input_ids"]
    count = len(ids) - (ids[-1] in tokenizer.all_special_ids)
    assert count > 2
    (found,) = load_teacher(folder, device="cpu").scores([(QUERY, PASSAGES)])
    prompt = "rails of trains "
    by_hand = wanted(folder, "mean", prompt + QUERY, prompt, prompt_tokens=count)
    assert found == pytest.approx(by_hand, rel=1e-4)


def test_length_and_case(layout):
    folder = layout({"pooling_mode": "mean"}, settings={"max_seq_length": 6, "do_lower_case": True})
    teacher = load_teacher(folder, device="cpu")
    assert teacher.max_length == 6
    long = [Passage(0, None, "rails " * 50), Passage(1, None, "RAILS " * 50)]
    (found,) = teacher.scores([("rails " * 9, long)])
    assert found == pytest.approx([1.0, 1.0], abs=1e-5)


def test_the_cosine_where_the_files_name_it(layout):
    folder = layout({"pooling_mode": "mean"}, False, {"similarity_fn_name": "cosine"})
    (found,) = load_teacher(folder, device="cpu").scores([(QUERY, PASSAGES)])
    assert found == pytest.approx(wanted(folder, "mean"), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": {"pooling_mode": "lasttoken"}}, r"the pooling \(lasttoken\) is not supported"),
        ({"pooling": {"pooling_mode": ["cls", "mean"]}}, "cls and mean"),
        ({"pooling": {**OLD, "pooling_mode_max_tokens": True}}, r"pooling \(max\)"),
        ({"pooling": OLD}, r"the pooling \(none\)"),
        ({"extra": ["Dense"]}, "the module Dense is not supported"),
        ({"config": {"similarity_fn_name": "euclidean"}}, "the similarity 'euclidean'"),
        ({"config": {"prompts": {"sts": "x: "}}}, r"which of the prompts \(sts\) is for queries"),
        ({"config": {"prompts": {}, "default_prompt_name": "q"}}, "which is no key of 'prompts'"),
        ({"settings": {"transformer_task": "fill-mask"}}, "the task 'fill-mask'"),
        ({"settings": {"max_seq_length": "long"}}, "max_seq_length is 'long'"),
    ],
)
def test_what_the_files_ask_for_and_cannot_have(layout, options, message):
    folder = layout(**{"pooling": {"pooling_mode": "mean"}, **options})
    with pytest.raises(EncoderError, match=message):
        load_teacher(folder, device="cpu")


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]", '[{"type": 3}]', b"\xff\xfe[]"])
def test_damaged_lists_of_modules(layout, tmp_path, content):
    folder = layout({"pooling_mode": "mean"})
    path = tmp_path / "modules.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(EncoderError, match="modules.json"):
        load_teacher(folder, device="cpu")


def test_weights_that_are_not_used_may_be_absent(layout, tmp_path):
    folder = layout({"pooling_mode": "mean"})
    import safetensors.torch as files

    path = tmp_path / "model.safetensors"
    tensors = files.load_file(path)
    files.save_file({k: v for k, v in tensors.items() if "pooler" not in k}, path, {"format": "pt"})
    load_teacher(folder, device="cpu")
    kept = {k: v for k, v in tensors.items() if "encoder.layer.1" not in k}
    files.save_file(kept, path, {"format": "pt"})
    with pytest.raises(EncoderError, match=r"lacks weights \(encoder.layer.1.* more\)"):
        load_teacher(folder, device="cpu")
