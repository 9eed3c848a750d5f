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
        kinds = ["MLMTransformer", "SpladePooling"] if sparse else ["Transformer", "Pooling"]
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
            files["config.json"]["is_causal"] = False
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


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"config_kwargs": {"is_causal": False}},
            "config_kwargs has 'is_causal', which may change",
        ),
        ({"model_args": {"num_hidden_layers": 1}}, "model_args has 'num_hidden_layers'"),
        ({"tokenizer_args": {"add_eos_token": True}}, "tokenizer_args has 'add_eos_token'"),
        ({"tokenizer_name_or_path": "me/other"}, "the key 'tokenizer_name_or_path' is not known"),
        ({"transformer_task": "text-generation"}, "transformer_task is 'text-generation'"),
        (
            {"modality_config": {"text": {"method": "forward", "method_output_name": ["a", -2]}}},
            "only 'last_hidden_state' of 'forward' is",
        ),
    ],
)
def test_settings_that_may_change_vectors_are_refused(folder, settings, problem):
    with pytest.raises(UsageError, match=problem):
        layout.read(folder(**{SETTINGS: settings}))


def test_settings_that_change_no_vector(folder):
    states = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}
    harmless = {
        "model_args": {"torch_dtype": "bfloat16", "trust_remote_code": True},
        "processor_kwargs": {"padding_side": "left", "model_max_length": 9},
        "config_args": {},
        "transformer_task": "feature-extraction",
        "modality_config": states,
        "module_output_name": "token_embeddings",
        "tokenizer_name_or_path": None,
    }
    found = layout.read(folder(**{SETTINGS: harmless})).contract
    assert found.query_max_length == found.passage_max_length == 9  # before max_seq_length


@pytest.mark.parametrize(
    ("prompts", "default"),
    [
        ({"search_query": "Q: ", "document": "D: "}, None),
        ({"query": "Q: ", "search_document": "D: "}, None),
        ({"query": "Q: ", "Retrieval-corpus": "D: "}, None),
        ({"query": "Q: "}, "query"),  # encode() would put it before documents, too
        ({"all": "A: "}, "all"),
    ],
)
def test_prompts_that_are_not_settled(folder, prompts, default):
    place = folder()
    values = {"prompts": prompts, "default_prompt_name": default}
    (place / PROMPTS).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(EncoderError, match="query_prefix=… and passage_prefix=… behind the enc"):
        layout.read(place)
    assert layout.read(place, {"query_prefix", "passage_prefix"}) is not None


def test_prompts_of_other_tasks_are_left_out(folder):
    place = folder()
    values = {"prompts": {"query": "Q: ", "STS": "S: ", "document": None}}
    (place / PROMPTS).write_text(json.dumps(values), encoding="utf-8")
    found = layout.read(place).contract
    assert (found.query_prefix, found.passage_prefix) == ("Q: ", "")


def test_more_tokens_than_the_model_reads(folder):
    place = folder(**{SETTINGS: {"max_seq_length": 65}})
    with pytest.raises(EncoderError, match="65 tokens, but the model reads 64 .*_max_length=64"):
        layout.read(place)
    assert layout.read(place, {"query_max_length", "passage_max_length"}) is not None


@pytest.mark.parametrize("kind", ["custom_st.Transformer", "modeling_x.Pooling"])
def test_modules_of_the_repository_are_not_taken_for_those_of_the_package(folder, kind):
    place = folder()
    modules = json.loads((place / "modules.json").read_text(encoding="utf-8"))
    modules[kind.endswith("Pooling")]["type"] = kind
    (place / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    with pytest.raises(UsageError, match=f"the module {kind} is code of the repository"):
        layout.read(place)


def test_a_sparse_model_whose_comparison_or_attention_no_file_settles(folder):
    place = folder(sparse=True, **{PROMPTS: {"similarity_fn_name": "cosine"}})
    with pytest.raises(UsageError, match="the similarity of sparse vectors is cosine"):
        layout.read(place)
    place = folder(sparse=True, **{PROMPTS: {"similarity_fn_name": "dot"}})
    assert layout.read(place).contract.attention == "bidirectional"
    place = folder(sparse=True, **{"config.json": {"is_causal": True}})
    with pytest.raises(EncoderError, match="no decoder .*attention=bidirectional"):
        layout.read(place)
    assert layout.read(place, {"attention"}) is not None


def test_states_are_not_taken_for_logits_nor_logits_for_states(folder):
    place = folder(sparse=True)
    change_first(place, "sentence_transformers.Transformer")
    with pytest.raises(UsageError, match="the first gives the last states, not the logits"):
        layout.read(place)
    (place / SETTINGS).write_text(json.dumps({"transformer_task": "fill-mask"}), encoding="utf-8")
    assert layout.read(place).contract.paradigm == "sparse"
    place = folder()
    with pytest.raises(UsageError, match="the first gives the logits of the vocabulary"):
        layout.read(folder(**{SETTINGS: {"transformer_task": "fill-mask"}}))
    folder()
    change_first(place, "sentence_transformers.MLMTransformer")
    with pytest.raises(UsageError, match="the first gives the logits of the vocabulary"):
        layout.read(place)


def change_first(place, kind):
    modules = json.loads((place / "modules.json").read_text(encoding="utf-8"))
    modules[0]["type"] = kind
    (place / "modules.json").write_text(json.dumps(modules), encoding="utf-8")


def test_an_adapter_in_the_layout(folder):
    place = folder()
    (place / "config.json").unlink()
    with pytest.raises(EncoderError, match="modules.json, but no config.json. .*an adapter"):
        layout.read(place)


def test_a_blank_at_the_end_of_an_unpooled_prompt_is_refused(folder):
    changes = {POOLING: {"include_prompt": False}}
    assert layout.read(folder(**changes)).contract.query_pool_prefix is False
    changes[PROMPTS] = {"prompts": {"query": "Query: ", "document": ""}}
    with pytest.raises(UsageError, match="'Query: ' ends with a blank and is not pooled"):
        layout.read(folder(**changes))


def test_a_flag_that_is_none(folder):
    with pytest.raises(EncoderError, match="include_prompt is None; expected true or false"):
        layout.read(folder(**{POOLING: {"include_prompt": None}}))


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
        load_projections(tmp_path, ["2_Dense"], 2, "cpu")
