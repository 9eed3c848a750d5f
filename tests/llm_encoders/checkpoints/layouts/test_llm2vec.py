"""What the files of LLM2Vec say, and what of it is refused."""

import json

import pytest

from llm_encoders import UsageError
from llm_encoders.checkpoints.layouts import llm2vec

LIBRARY = "transformers_modules.McGill_hyphen_NLP.LLM2Vec_hyphen_x_hyphen_mntp.0a1b.modeling_x"


@pytest.fixture
def folder(tmp_path):
    """A function that writes an adapter without weights."""

    def write(library=LIBRARY, **settings):
        adapter = {
            "auto_mapping": {"base_model_class": "LlamaEncoderModel", "parent_library": library},
            "base_model_name_or_path": "meta-llama/Meta-Llama-3-8B-Instruct",
        }
        (tmp_path / "adapter_config.json").write_text(json.dumps(adapter))
        (tmp_path / "llm2vec_config.json").write_text(json.dumps(settings))
        return tmp_path

    return write


def test_the_adapter_below(folder):
    assert llm2vec.adapter_below(folder()) == "McGill-NLP/LLM2Vec-x-mntp"
    found = llm2vec.read(folder(skip_instruction=False, max_length=64))
    assert found is not None and found.contract.query_pool_prefix
    assert found.contract.passage_max_length == 64


def test_an_adapter_that_does_not_tell_what_is_below(folder):
    with pytest.raises(UsageError, match="LlamaEncoderModel of llm2vec.models.bidirectional_llama"):
        llm2vec.read(folder("llm2vec.models.bidirectional_llama"))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"max_length": "512"}, "do not make a contract: query_max_length is '512'; expected int"),
        ({"skip_instruction": None}, "skip_instruction is None; expected true or false"),
        ({"pooling_mode": "latent_pooling"}, "the pooling 'latent_pooling' is not supported"),
        ({"temperature": 1}, "the key 'temperature' is not known"),
    ],
)
def test_settings_that_are_refused(folder, settings, problem):
    with pytest.raises(UsageError, match=problem):
        llm2vec.read(folder(**settings))
