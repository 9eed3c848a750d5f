"""Teachers and students of a few thousand parameters, with random weights."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaModel,
    PreTrainedTokenizerFast,
)

from llm_encoders import EncoderConfig
from tests.llm_encoders.conftest import QUESTIONS, TOPICS

VOCABULARY, HIDDEN, LAYERS = 400, 16, 4


def write_teacher(folder: Path, paradigm: str, seed: int = 0) -> Path:
    """A Llama with large random weights, so that queries differ, and its contract."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
        initializer_range=0.3,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    kind = LlamaForCausalLM if paradigm == "sparse" else LlamaModel
    kind(config).save_pretrained(folder)
    write_tokenizer(folder)
    changes = {"normalize": True} if paradigm == "dense" else {"logit_scale": 0.2}
    EncoderConfig(paradigm, query_max_length=16, **changes).save(folder)
    return folder


def write_bert(folder: Path, vocabulary: int = VOCABULARY) -> Path:
    """A BERT without contract, for a student's backbone."""
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        initializer_range=0.3,
    )
    BertModel(config).save_pretrained(folder)
    write_tokenizer(folder, vocabulary)
    return folder


def write_tokenizer(folder: Path, vocabulary: int = VOCABULARY) -> None:
    """Byte-level BPE of the texts of the tests, with BOS before every text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [*TOPICS.values(), *(text for asked in QUESTIONS.values() for text in asked)]
    tokenizer.train_from_iterator(sorted(texts), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    ).save_pretrained(folder)
