import json

import pytest

from llm_encoders.config import EncoderConfig
from llm_encoders.errors import EncoderError, UsageError


def test_defaults_are_the_lion_contract():
    config = EncoderConfig(paradigm="sparse")
    assert config.attention == "bidirectional"
    assert config.pool_bos and not config.normalize and not config.append_eos
    assert config.query_prefix == config.passage_prefix == ""
    assert config.query_top_k is None and config.passage_top_k is None
    assert config.impact_scale == 100
    assert config.scale_of_logits(4096) == pytest.approx(4096**-0.25)
    assert EncoderConfig(paradigm="dense").pooling == "mean-of-normalised"


def test_survives_saving(tmp_path):
    config = EncoderConfig(paradigm="dense", pooling="eos", append_eos=True, query_prefix="query: ")
    config.save(tmp_path)
    assert EncoderConfig.load(tmp_path) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"paradigm": "sparse", "pooling_bos": True},
            "unknown key 'pooling_bos'. Did you mean 'pool_bos'",
        ),
        ({"attention": "causal"}, "'paradigm' is missing"),
        ({"paradigm": "spars"}, "Did you mean 'sparse'"),
        ({"paradigm": "sparse", "impact_scale": "100"}, "impact_scale is '100'"),
        ({"paradigm": "sparse", "pool_bos": 1}, "pool_bos is 1"),
        ({"paradigm": "sparse", "query_max_length": True}, "query_max_length is True"),
        ({"paradigm": "sparse", "logit_scale": "hidden_size"}, "logit_scale is 'hidden_size'"),
        ({"paradigm": "sparse", "logit_scale": -1}, "logit_scale is -1"),
        ({"paradigm": "sparse", "passage_top_k": 0}, "passage_top_k is 0"),
        ({"paradigm": "sparse", "impact_scale": 0}, "impact_scale is 0"),
        ({"paradigm": "dense", "query_max_length": 0}, "query_max_length is 0"),
        ({"paradigm": "dense", "pooling": "eos"}, "needs append_eos"),
    ],
)
def test_faulty_values_are_explained(values, message):
    with pytest.raises(UsageError, match="^here: ") as caught:
        EncoderConfig.from_dict(values, "here")
    assert message in str(caught.value)


def test_broken_json_names_file_and_line(tmp_path):
    path = tmp_path / "encoder_config.json"
    path.write_text('{"paradigm": "sparse",\n oops}')
    with pytest.raises(EncoderError, match=r"encoder_config.json, line 2"):
        EncoderConfig.load(tmp_path)
    path.write_text(json.dumps(["sparse"]))
    with pytest.raises(EncoderError, match="JSON object"):
        EncoderConfig.load(tmp_path)


@pytest.mark.parametrize("name", ["impact_scale", "temperature", "logit_scale"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e30", "0", "1e-30", "1" * 400])
def test_numbers_that_no_vector_survives_are_refused(tmp_path, name, value):
    path = tmp_path / "encoder_config.json"
    path.write_text(f'{{"paradigm": "sparse", "{name}": {value}}}')
    with pytest.raises(UsageError, match=rf"_config\.json: {name} is .*; give a number from"):
        EncoderConfig.load(tmp_path)


@pytest.mark.parametrize(
    "name", ["query_max_length", "passage_max_length", "query_top_k", "passage_top_k"]
)
def test_lengths_and_counts_have_a_limit(name):
    with pytest.raises(UsageError, match=f"{name} is 1000000000000"):
        EncoderConfig.from_dict({"paradigm": "sparse", name: 10**12}, "here")


def test_a_prefix_takes_the_place_of_all_that_stands_before_a_text():
    config = EncoderConfig(
        "dense",
        instruction="Find code",
        query_prefix="Instruct: {instruction}\nQuery:",
        passage_template="title: {title|none} | text: {text}",
    )
    queries = config.with_prefix("query", "query: ")
    assert queries.side("query").prefix == "query: " and queries.instruction is None
    assert queries.side("passage") == config.side("passage")
    kept = config.with_prefix("query", "{instruction}: ")
    assert kept.side("query").prefix == "Find code: "
    passages = config.with_prefix("passage", "passage: ")
    assert passages.side("passage").body("a text", "A title") == "A title a text"
    assert passages.side("passage").prefix == "passage: "
    assert passages.side("query") == config.side("query")
    with pytest.raises(UsageError, match="place for an instruction"):
        EncoderConfig("dense").with_prefix("query", "{instruction}: ")
