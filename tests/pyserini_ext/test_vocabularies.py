"""Vocabularies that strain Lucene: odd strings, and more query terms than its default limit."""

import json

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

from llm_encoders import EncoderConfig
from tests.pyserini_ext.brute_force import (
    assert_run_equals,
    read_run,
    read_vectors,
    sparse_scores,
)

pytestmark = pytest.mark.slow
ODD = [
    "<unk>", "\u3000", "a b", "\n", "\t", "\u2028", "\u00a0", "\u0085", "😀", "👩‍👩‍👧", '"', "\\",
    "'", "|", "<|eot_id|>", "Ġcat", "Ċ", "ĉ", "▁the", "é", "e\u0301", "字", "\u200b", "x" * 255,
    "y" * 256, "😀" * 130, "{", "}", "$", "#", "+", "-", "*", "?", ":", "^", "~", "[token:1]",
    "dog", "Dog", "DOG", "running", "the",
]  # fmt: skip
TEXTS = ["dog Dog the", "the running DOG", "é 字 😀", "dog dog dog", "the the"]


def save_model(folder, tokenizer, vocabulary_size, **contract):
    torch.manual_seed(5)
    config = transformers.LlamaConfig(
        vocab_size=vocabulary_size, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, initializer_range=0.3,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    EncoderConfig(paradigm="sparse", **contract).save(folder)


def run_all(warm_python, folder, model):
    lines = [json.dumps({"id": f"d{i}", "contents": text}) for i, text in enumerate(TEXTS)]
    (folder / "c.jsonl").write_text("\n".join(lines))
    (folder / "topics.json").write_text(
        json.dumps({f"q{i}": {"title": text} for i, text in enumerate(TEXTS)})
    )
    common = ("--encoder", model)
    vectors = folder / "vectors"
    warm_python(
        "-m", "pyserini.encode", *common, "--corpus", folder / "c.jsonl", "--embeddings", vectors
    )
    warm_python(
        *(
            "-m",
            "pyserini.index.lucene",
            "--collection",
            "JsonVectorCollection",
            "--input",
            vectors,
        ),
        *("--index", folder / "index", "--generator", "DefaultLuceneDocumentGenerator"),
        *("--impact", "--pretokenized"),
    )
    warm_python(
        *("-m", "pyserini.search.lucene", "--impact", *common, "--index", folder / "index"),
        *("--topics", folder / "topics.json", "--output", folder / "run.txt"),
        *("--batch-size", 8, "--threads", 2),
    )
    from pyserini_ext.bridge.encoders import LlmSpladeQueryEncoder

    docids, documents = read_vectors(vectors)
    queries = LlmSpladeQueryEncoder(model).encode_batch(TEXTS)
    scores = sparse_scores(queries, documents)
    query_ids = [f"q{i}" for i in range(len(TEXTS))]
    assert_run_equals(read_run(folder / "run.txt"), query_ids, docids, scores, 1000)
    return queries, documents


def test_odd_strings(warm_python, tmp_path):
    tokenizer = Tokenizer(models.WordLevel({t: i for i, t in enumerate(ODD)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")
    save_model(tmp_path / "model", fast, len(ODD))
    queries, documents = run_all(warm_python, tmp_path, str(tmp_path / "model"))
    used = set().union(*queries) & set().union(*documents)
    assert {"[[token:1]]", "😀", "👩‍👩‍👧", "\u200b"} & used  # odd strings did take part
    assert len(used) > len(ODD) // 3


def test_more_query_terms_than_lucenes_default(warm_python, tmp_path, shared_data):
    path = shared_data / "tokenizers" / "dolma2" / "tokenizer.json"
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path))
    size = len(tokenizer)
    contract = {"query_top_k": 1500, "passage_top_k": 2500}
    contract["impact_scale"] = 20  # keeps sums below 2^24, where Lucene's float32 scores are exact
    save_model(tmp_path / "model", tokenizer, size, **contract)
    queries, _ = run_all(warm_python, tmp_path, str(tmp_path / "model"))
    assert min(map(len, queries)) > 1024
