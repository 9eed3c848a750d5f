"""What the files of sentence-transformers say beside modules, and what of it is refused."""

import json

import pytest

from llm_encoders import EncoderError, UsageError
from llm_encoders.checkpoints.layouts import sentence_transformers as layout
from llm_encoders.heads.projection import load_projections

SETTINGS, PROMPTS = "sentence_bert_config.json", "config_sentence_transformers.json"
POOLING, NORMALIZE = "1_Pooling/config.json", "2_Normalize/config.json"


@pytest.fixture
def folder(tmp_path):
    """A function that writes a model without weights, some files of it with other values."""

    def write(sparse=False, **changes):
        kinds = ["Transformer", "SpladePooling"] if sparse else ["Transformer", "Pooling"]
        kinds += [] if sparse else ["Normalize"]
        files = {
            "config.json": {"model_type": "llama", "max_position_embeddings": 64},
            "modules.json": [
                {"path": f"{i}_{kind}" if i else "", "type": f"sentence_transformers.{kind}"}
                for i, kind in enumerate(kinds)
            ],
            SETTINGS: {"max_seq_length": 48},
            PROMPTS: {"prompts": {"query": "Query:", "document": ""}},
        }
        if sparse:
            files["1_SpladePooling/config.json"] = {}
        else:
            files[POOLING] = {"pooling_mode": "mean"}
        for name, values in changes.items():
            files[name] = {**files.get(name, {}), **values}
        for name, values in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(json.dumps(values), encoding="utf-8")
        return tmp_path

    return write


def test_one_length_a_side(folder):
    found = layout.read(folder(**{SETTINGS: {"query_length": 8, "document_length": None}})).contract
    assert (found.query_max_length, found.passage_max_length) == (8, 48)


def test_cut_vectors_and_weights(folder):
    assert layout.read(folder(**{PROMPTS: {"truncate_dim": 16}})).contract.dimension == 16
    found = layout.read(folder(sparse=True, **{PROMPTS: {"max_active_dims": 9}})).contract
    assert (found.query_top_k, found.passage_top_k) == (9, 9)


def test_prompts_are_lower_cased_with_the_text(folder):
    found = layout.read(folder(**{SETTINGS: {"do_lower_case": True}})).contract
    assert found.lowercase and found.query_prefix == "query:"


@pytest.mark.parametrize(
    ("file", "values", "problem"),
    [
        (SETTINGS, {"query_expansion": {"length": 32}}, "query_expansion is set"),
        (SETTINGS, {"processing_kwargs": {"text": {"padding": False}}}, "processing_kwargs is set"),
        (SETTINGS, {"modality_config": {"message": {}}}, "put into a chat template"),
        (PROMPTS, {"truncate_dim": 8, "similarity_fn_name": "dot"}, "cuts normalised vectors"),
        (NORMALIZE, {"module_input_name": "token_embeddings"}, "work on sentence_embedding"),
        (POOLING, {"pooling_mode": "weightedmean", "include_prompt": False}, "in the weights"),
    ],
)
def test_what_no_contract_expresses_is_refused(folder, file, values, problem):
    with pytest.raises(UsageError, match=problem):
        layout.read(folder(**{file: values}))


def test_a_blank_at_the_end_of_an_unpooled_prompt_is_refused(folder):
    changes = {POOLING: {"include_prompt": False}}
    assert layout.read(folder(**changes)).contract.query_pool_prefix is False
    changes[PROMPTS] = {"prompts": {"query": "Query: ", "document": ""}}
    with pytest.raises(UsageError, match="'Query: ' ends with a blank and is not pooled"):
        layout.read(folder(**changes))


@pytest.mark.parametrize("value", [0, "9", True, 1.5])
def test_a_number_that_is_none(folder, value):
    for file, key in ((SETTINGS, "document_length"), (PROMPTS, "truncate_dim")):
        with pytest.raises(EncoderError, match=f"{key} is {value!r}; expected a number from 1"):
            layout.read(folder(**{SETTINGS: {}, PROMPTS: {}, file: {key: value}}))


@pytest.mark.parametrize(
    "values", [{"module_input_name": "token_embeddings"}, {"use_residual": True}, {"rank": 3}]
)
def test_a_dense_module_of_another_kind(tmp_path, values):
    (tmp_path / "2_Dense").mkdir()
    config = {"in_features": 2, "out_features": 2, **values}
    (tmp_path / "2_Dense" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(EncoderError, match=f"the key '{min(values)}' is not known"):
        load_projections(tmp_path, ["2_Dense"], "cpu")
