"""``python -m llm_encoders.models``: the list, one in detail, and what files say."""

import json
import shutil
import sys

import numpy as np
import pytest

from llm_encoders import EncoderConfig, load_encoder, registry
from llm_encoders.models import __main__ as command
from llm_encoders.models.reading import read

SUPERVISED = "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp-supervised"


@pytest.fixture
def run(monkeypatch, capsys):
    """The command in this process: exit code, what it prints, what it complains of."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["models", *map(str, words)])
        try:
            code = command.main()
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def published(shared_data):
    return shared_data / "checkpoints"


def test_the_list_has_a_line_for_every_name(run):
    code, out, _ = run()
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert code == 0 and registry.presets().keys() <= lines.keys()
    for preset in registry.presets().values():
        line = lines[preset.name]
        assert preset.contract.paradigm in line and line.endswith(preset.licence)
        assert preset.parameters in line
    assert (
        r'causal, last token, L2, query "Instruct: {instruction}\nQuery:"'
        in (lines["qwen3-embedding-4b"])
    )
    assert "no special tokens, top 512" in lines["laconic-3b"]
    assert "rest from its files" in lines["harrier-27b"]
    assert "cannot be loaded here" in lines["nv-embed-v1"]
    assert "not published" in lines["llm-splade-3b"]


@pytest.mark.parametrize("name", sorted(registry.presets()))
def test_every_name_in_detail(run, name):
    code, out, _ = run(name)
    preset = registry.presets()[name]
    assert code == 0 and preset.licence in out
    for known in (preset.repository, preset.backbone, preset.tokenizer):
        assert known is None or known in out
    if preset.unavailable:
        assert "not loadable" in out and "Commands" not in out
        return
    writer = "--to-lucene" if preset.contract.paradigm == "sparse" else "--to-faiss"
    assert f"python -m pyserini.encode --encoder {name} " in out and writer in out
    assert all(score["source"] in out for score in preset.scores)
    assert preset.scores or "none whose source was read" in out


def test_a_hub_id_shows_its_named_encoder(run):
    assert run("utahnlp/laconic-1b") == run("laconic-1b")


def test_the_file_behind_each_value(run, published):
    code, out, _ = run(published / "google/embeddinggemma-300m")
    rows = {line.split()[0]: line.split()[-1] for line in out.splitlines()[3:]}
    assert code == 0 and "layout: sentence-transformers" in out
    assert rows["attention"] == "config.json" and rows["pooling"] == "1_Pooling/config.json"
    assert rows["projections"] == "modules.json"
    assert rows["query_prefix"] == "config_sentence_transformers.json"
    assert rows["query_max_length"] == "sentence_bert_config.json"
    assert rows["append_eos"] == "tokenizer_config.json" and rows["strip"] == "default"
    _, out, _ = run(f"{published / 'google/embeddinggemma-300m'},query_max_length=9")
    assert "query_max_length         9" in out and out.count("given") == 1


def test_values_that_no_file_has_are_told_apart(run, published):
    _, out, _ = run(published / "naver/splade-code-06B")
    assert any(
        line.startswith("query_prefix") and line.endswith("which does not say")
        for line in out.splitlines()
    )


def test_a_repository_is_read_without_its_weights(hub, published):
    shutil.copytree(published / "Qwen/Qwen3-Embedding-0.6B", hub / "someone/tuned")
    found = read("someone/tuned")
    assert found.contract.pooling == "last"
    assert not list(found.folder.rglob("*.safetensors"))


def test_what_cannot_be_read(run, published, tmp_path):
    assert run("qwen4")[0] == 2 and run("qwen3-embeding-4b")[2].count("Did you mean 'qwen3-em") == 1
    assert run(tmp_path)[0] == 1  # no checkpoint
    code, _, err = run(published / "castorini/repllama-v1-7b-lora-passage")
    assert code == 2 and "does not say how it encodes" in err
    code, _, err = run(published / "naver/splade-v3")
    assert code == 2 and "an encoder like BERT" in err
    for words in (["--write-contract", "x"], ["laconic-1b", "--overwrite"], ["a", "b"]):
        assert run(*words)[0] == 2


def test_a_contract_is_written_and_never_lost(run, published, tmp_path):
    name = f"{published / 'castorini/repllama-v1-7b-lora-passage'},like=repllama-v1-7b"
    code, out, _ = run(name, "--write-contract", tmp_path)
    assert code == 0 and f"Written to {tmp_path / 'encoder_config.json'}." in out
    assert EncoderConfig.load(tmp_path) == registry.presets()["repllama-v1-7b"].contract
    (tmp_path / "encoder_config.json").write_text("mine")
    code, _, err = run(name, "--write-contract", tmp_path)
    assert code == 2 and "give --overwrite" in err
    assert (tmp_path / "encoder_config.json").read_text() == "mine"
    assert run(name, "--write-contract", tmp_path, "--overwrite")[0] == 0
    assert EncoderConfig.load(tmp_path).query_prefix == "query: "
    assert run(name, "--write-contract", tmp_path / "other.json")[0] == 0
    assert json.loads((tmp_path / "other.json").read_text())["pooling"] == "last"
    assert run(name, "--write-contract", tmp_path / "no" / "folder")[0] == 2


@pytest.mark.parametrize("name", ["google/embeddinggemma-300m", SUPERVISED])
def test_a_written_contract_gives_the_same_vectors(run, published, tmp_path, monkeypatch, name):
    """LLM2Vec: the adapter below is still merged."""
    shutil.copytree(published, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    before = load_encoder(name).encode_queries(["what are statins"])
    assert run(name, "--write-contract", name)[0] == 0
    files = read(name)
    assert files.layout == "this package" and set(files.sources.values()) == {"encoder_config.json"}
    np.testing.assert_array_equal(load_encoder(name).encode_queries(["what are statins"]), before)


def test_it_starts_without_the_heavy_imports(python):
    code = (
        "import sys; sys.argv = ['models', sys.argv[1]] if len(sys.argv) > 1 else ['models']\n"
        "from llm_encoders.models.__main__ import main\n"
        "assert main() == 0\n"
        "heavy = {'torch', 'transformers', 'huggingface_hub', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    python("-c", code)
    python("-c", code, "laconic-8b")
