"""The byte-level BPE tokenizer of the tiny backbone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from data import Pair
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

VOCABULARY_SIZE = 16384
MAX_LENGTH = 512
SPECIAL = ["<s>", "</s>", "<pad>", "<mask>"]
#: Contractions, words, numbers of up to three digits, runs of one punctuation character.
PATTERN = r"'(?:s|t|re|ve|m|ll|d)(?!\p{L})|\p{L}\p{M}*(?:\p{L}|\p{M})*|\p{N}{1,3}|[^\p{L}\p{N}]"


def corpus(pairs: list[Pair]) -> Iterator[str]:
    """Texts for the vocabulary: medical, scientific and encyclopaedic ones count twice."""
    prose = ("medquad", "pubmedqa", "qed-nq", "squad", "selqa", "strategyqa")
    seen: set[str] = set()
    for pair in pairs:
        if pair.held_out or pair.source.endswith("-crop"):
            continue
        yield pair.query
        if pair.group not in seen:
            seen.add(pair.group)
            for _ in range(2 if pair.source.startswith(prose) else 1):
                yield pair.passage


def train_tokenizer(pairs: list[Pair]) -> PreTrainedTokenizerFast:
    """Train the tokenizer of the tiny models on pairs."""
    return train_from(corpus(pairs), VOCABULARY_SIZE)


def train_from(texts: Iterator[str], size: int) -> PreTrainedTokenizerFast:
    """Train a tokenizer; a text becomes ``<s>`` and its tokens, without an end token.

    Args:
        texts: what it is trained on.
        size: of the vocabulary.
    """
    tokenizer = Tokenizer(BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    # Every piece gets a space in front: a word is the same token at the start of a text,
    # inside it, after a bracket and after a hyphen.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=size,
        min_frequency=3,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        mask_token="<mask>",
        model_max_length=MAX_LENGTH,
        padding_side="right",
        truncation_side="right",
        clean_up_tokenization_spaces=False,
    )


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write ``tokenizer.json`` and ``tokenizer_config.json`` (also for older libraries)."""
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    for key in ("is_local", "local_files_only", "backend"):
        config.pop(key, None)
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
