"""Tiny random encoder folders of two sides: decoders, encoders like BERT, towers and students."""

import dataclasses
import shutil
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from llm_encoders import EncoderConfig, load_encoder
from llm_encoders.checkpoints.teacher import Teacher

WORDS = [
    "a",
    "cat",
    "dog",
    "ran",
    "sat",
    "on",
    "the",
    "mat",
    "log",
    "of",
    "red",
    "blue",
    "tree",
    "sun",
    "rain",
]
OTHER_WORDS = ["rain", "sun", "fox", "the", "red", "cat", "in", "house", "moon", "sea"]
TEXTS = ["the cat sat on the mat", "a red dog", "rain", "blue sun of the tree"]
CONTRACTS = {
    "sparse": EncoderConfig("sparse", logit_scale=30.0),
    "dense": EncoderConfig("dense", query_prefix="the ", passage_prefix="a "),
}


def write_tokenizer(folder: Path, words: list[str], bos: str = "<s>") -> int:
    """A tokenizer of whole words that begins texts with ``bos``; returns its number of tokens."""
    vocabulary = {word: number for number, word in enumerate(["<unk>", bos, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A $B", special_tokens=[(bos, 1)]
    )
    special = {"unk_token": "<unk>", "bos_token" if bos == "<s>" else "cls_token": bos}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(
        folder
    )
    return len(vocabulary)


def write_decoder(
    folder: Path,
    contract: EncoderConfig,
    seed: int = 0,
    hidden: int = 16,
    words: list[str] = WORDS,
) -> Path:
    """A Llama with random weights, its tokenizer and contract."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=write_tokenizer(folder, words),
        hidden_size=hidden,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
        initializer_range=0.3,
        bos_token_id=1,
        eos_token_id=None,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    contract.save(folder)
    return folder


def write_student(folder: Path, teacher: Path, seed: int = 1) -> Path:
    """A query tower of the teacher's form with other weights."""
    contract = EncoderConfig.load(teacher)
    write_decoder(folder, dataclasses.replace(contract, passage_encoder="teacher"), seed)
    Teacher.of(load_encoder(teacher, device="cpu")).save(folder)
    return folder


def write_towers(folder: Path, passages: Path, queries: Path) -> Path:
    """The passage tower's folder with the query tower in it."""
    shutil.copytree(passages, folder)
    contract = EncoderConfig.load(passages)
    dataclasses.replace(contract, query_encoder="query").save(folder)
    shutil.copytree(queries, folder / "query")
    return folder


def write_encoder_only(folder: Path, contract: EncoderConfig, kind: str, **sizes: int) -> Path:
    """A random model like BERT of a type that Transformers knows, [CLS] before every text."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(2)
    size = write_tokenizer(folder, WORDS, bos="[CLS]")
    config = transformers.CONFIG_MAPPING[kind](
        vocab_size=size,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        initializer_range=0.3,
        **{"max_position_embeddings": 64, "pad_token_id": 0, **sizes},
    )
    transformers.MODEL_FOR_MASKED_LM_MAPPING[type(config)](config).save_pretrained(folder)
    contract.save(folder)
    return folder
