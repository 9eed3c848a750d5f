"""Which names are ours: every other must stay Pyserini's."""

import json
import shutil

import pytest

from llm_encoders import EncoderConfig
from pyserini_ext.bridge.names import (
    announce_takeover,
    is_ours,
    option_value,
    paradigm_of,
    taken_over,
)
from tests.hub_cache import add_repository

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
        "someone/model,query_prefix=query: ",
        'someone/model,query_prefix="a,b=c",instruction=Find code, please',
        "someone/model,query_prefix=query: ,oops=1",
        "llm-splade-tiny,devise=cpu",
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


@pytest.mark.parametrize(
    "slip", [", dtype=float32", ",Dtype=x", r",query_prefix=a\nb", ",like='x'"]
)
def test_an_option_that_is_written_nearly_right_is_ours(slip):
    assert is_ours(f"someone/model{slip}")


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


QWEN = "Qwen/Qwen3-Embedding-0.6B"
REPLLAMA = "castorini/repllama-v1-7b-lora-passage"
LLM2VEC = "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp-supervised"


@pytest.fixture
def published(shared_data):
    return shared_data / "checkpoints"


@pytest.mark.parametrize(
    ("name", "paradigm"),
    [
        (QWEN, "dense"),
        ("intfloat/e5-mistral-7b-instruct", "dense"),
        ("google/embeddinggemma-300m", "dense"),
        ("naver/splade-code-06B", "sparse"),
        ("hzeng/Lion-SP-1B-llama3-marco-mntp", "sparse"),
        (LLM2VEC, "dense"),
    ],
)
def test_folders_of_publishers(published, name, paradigm):
    folder = str(published / name)
    assert is_ours(folder) and taken_over(folder) and paradigm_of(folder) == paradigm
    assert not taken_over(f"{folder},dtype=float32")


@pytest.mark.parametrize(
    "name",
    [
        *("naver/splade-v3", "nvidia/NV-Embed-v2", "meta-llama/Llama-2-7b-hf"),
        *(REPLLAMA, "meta-llama"),
    ],
)
def test_folders_that_pyserini_keeps(published, name):
    """BERT, code of its own, a language model that is no encoder, an adapter that says nothing."""
    assert not is_ours(str(published / name))


def test_an_adapter_that_is_like_another(published):
    assert paradigm_of(f"{published / REPLLAMA},like={REPLLAMA}") == "dense"


@pytest.mark.parametrize("kind", ["bert", "mobilebert", "t5", "clip", "a type of tomorrow"])
def test_what_is_no_decoder_for_certain_is_pyserinis(published, tmp_path, kind):
    folder = tmp_path / "model"
    shutil.copytree(published / QWEN, folder)
    assert is_ours(str(folder))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": kind}))
    assert not is_ours(str(folder))
    (folder / "config.json").write_text("{")
    assert not is_ours(str(folder))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_hub_ids_once_they_are_in_the_cache(published, cache):
    names = {f"someone/copy-{i}": name for i, name in enumerate((QWEN, "naver/splade-v3"))}
    assert not any(map(is_ours, names))
    for name, source in names.items():
        add_repository(cache, name, published / source)
    assert [is_ours(name) for name in names] == [True, False]
    assert taken_over("someone/copy-0") and paradigm_of("someone/copy-0") == "dense"
    add_repository(cache, "someone/partly", published / QWEN, without=("modules.json",))
    assert not is_ours("someone/partly")
    add_repository(cache, "someone/lately", published / QWEN, without=("1_Pooling",))
    assert is_ours("someone/lately") and paradigm_of("someone/lately") is None


def test_taking_over_is_announced_once_and_says_how_to_hand_back(published, capsys):
    folder = str(published / QWEN)
    for name in ("llm-dense-tiny", f"{folder},dtype=float32"):
        announce_takeover(name, "--encoder-class")
    assert capsys.readouterr().err == ""
    for _ in range(2):
        announce_takeover(folder, "--encoder-class")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{folder} is encoded by llm_encoders")
    assert "PYSERINI_EXT_HOOK=0 in the environment or --encoder-class hands it back" in line


def test_deciding_imports_neither_pytorch_nor_transformers(python, published):
    code = (
        "import sys; from pyserini_ext.bridge import names\n"
        f"print(names.is_ours({str(published / QWEN)!r}), names.paradigm_of({LLM2VEC!r}))\n"
        "print(*{'torch', 'transformers', 'numpy', 'requests'} & set(sys.modules))"
    )
    assert python("-c", code).stdout.splitlines() == ["True dense", ""]


def test_option_values():
    words = ["input", "--corpus", "c", "encoder", "--encoder=llm-splade-tiny", "--fp16"]
    assert option_value("--encoder", words) == "llm-splade-tiny"
    assert option_value("--corpus", words) == "c"
    assert option_value("--fp16", words) is None
    assert option_value("--device", words) is None
    assert option_value("--device", []) is None
    assert option_value("--last", ["--last"]) is None


@pytest.mark.parametrize("name", ["llm-splade-tiny,devise=cpu", ",paradigm=sparse", ""])
def test_a_name_that_cannot_be_read_is_nobodys_takeover(capsys, name):
    """Loading says what is wrong with it, in a sentence."""
    announce_takeover(name, "--encoder-class")
    assert capsys.readouterr().err == ""
