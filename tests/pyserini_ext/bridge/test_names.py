"""Which names are ours: every other must stay Pyserini's."""

import pytest

from llm_encoders import EncoderConfig
from pyserini_ext.bridge.names import is_ours, option_value, paradigm_of

PYSERINIS = [
    "naver/splade-v3",
    "naver/splade-cocondenser-ensembledistil",
    "naver/efficient-splade-VI-BT-large-query",
    "castorini/unicoil-msmarco-passage",
    "castorini/tct_colbert-v2-hnp-msmarco",
    "facebook/contriever-msmarco",
    "facebook/dpr-question_encoder-multiset-base",
    "sentence-transformers/all-MiniLM-L6-v2",
    "BAAI/bge-base-en-v1.5",
    "Qwen/Qwen3-Embedding-0.6B",
    "AQ-MedAI/Diver-Retriever-4B",
    "nvidia/NV-Embed-v2",
    "splade-v3",
    "distilsplade_max",
    "splade_v2_max",
    "SpladePlusPlusEnsembleDistil",
    "openai-api",
    "bert-base-uncased",
    "tct_colbert",
    "",
    None,
]


@pytest.mark.parametrize("name", PYSERINIS)
def test_pyserinis_names_are_not_ours(name):
    assert not is_ours(name)


@pytest.mark.parametrize(
    "name",
    [
        "llm-splade-8b",
        "llm-dense-tiny",
        "llm-splade-9b",
        "lmm-splade-tiny",
        "hzeng/Lion-SP-1B-llama3-marco-mntp",
        "castorini/repllama-v1-7b-lora-passage",
        "qwen3-embedding-0.6b",
        "qwen3-embeding-0.6b",
        "naver/splade-v3,paradigm=sparse",
        "someone/adapter,paradigm=sparse",
        "llm-splade-8b,backbone=/models/llama",
        "someone/adapter,paradigm=sparse,oops=1",
        "splade-tiny",
        "dense-8b",
        "LLM-SPLADE-8B",
        "llm_splade_8b",
    ],
)
def test_ours(name):
    assert is_ours(name)


def test_a_published_model_is_ours_once_it_is_in_the_cache(monkeypatch):
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache",
        lambda repo, file: "/cache/config.json" if file == "config.json" else None,
    )
    assert is_ours("Qwen/Qwen3-Embedding-0.6B") and is_ours("utahnlp/laconic-1b")
    assert not is_ours("naver/splade-v3") and not is_ours("BAAI/bge-base-en-v1.5")


def test_folders(tmp_path):
    assert not is_ours(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    assert not is_ours(str(tmp_path))  # any model at all; Pyserini's Auto classes take it
    (tmp_path / "adapter_config.json").write_text("{}")
    assert not is_ours(str(tmp_path))  # an adapter on BERT, for all we know
    assert is_ours(f"{tmp_path},paradigm=sparse")
    EncoderConfig(paradigm="dense").save(tmp_path)
    assert is_ours(str(tmp_path))
    assert paradigm_of(str(tmp_path)) == "dense"


def test_folder_whose_name_holds_a_pyserini_keyword(tmp_path):
    folder = tmp_path / "finance-dpr-tct"
    folder.mkdir()
    EncoderConfig(paradigm="sparse").save(folder)
    assert is_ours(str(folder)) and paradigm_of(str(folder)) == "sparse"


def test_paradigms():
    assert paradigm_of("llm-splade-8b") == "sparse"
    assert paradigm_of("hzeng/Lion-DS-8B-llama3-marco-mntp") == "dense"
    assert paradigm_of("someone/adapter,paradigm=dense") == "dense"
    assert paradigm_of("someone/adapter") is None


def test_option_values():
    words = ["input", "--corpus", "c", "encoder", "--encoder=llm-splade-tiny", "--fp16"]
    assert option_value("--encoder", words) == "llm-splade-tiny"
    assert option_value("--corpus", words) == "c"
    assert option_value("--fp16", words) is None
    assert option_value("--device", words) is None
    assert option_value("--device", []) is None
    assert option_value("--last", ["--last"]) is None
