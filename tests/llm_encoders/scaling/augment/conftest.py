"""A corpus of a few documents, and a tiny model from sequence to sequence."""

import json
from pathlib import Path

import pytest
import torch
import transformers

from tests.llm_encoders.conftest import BACKBONE, write_lines

DOCUMENTS = [
    ("cats", "Cats", "Cats hunt at dawn and at dusk. They sleep for most of the day."),
    ("bread", "Bread", "Bread is baked from flour and water. Yeast makes its dough rise."),
    ("rain", None, "Rain falls when droplets in clouds grow heavy enough. Snow needs frost."),
    ("chess", "Chess", "Chess is played on sixty-four squares. Each player has sixteen pieces."),
    (
        "guide",
        "Guide",
        "# Install\nRun the command of the guide once.\n# Use\nSee above.\n"
        "# Install\nCopy the files of the guide by hand.",
    ),
    ("twin", "cats ", "The cat is a small animal of prey that lives with people. It purrs."),
]


@pytest.fixture
def corpus(tmp_path) -> Path:
    records = [
        {"_id": docid, "text": text, **({"title": title} if title else {})}
        for docid, title, text in DOCUMENTS
    ]
    return write_lines(tmp_path / "corpus.jsonl", records)


@pytest.fixture(scope="package")
def t5(tmp_path_factory) -> Path:
    """Random weights; large ones, so that different prompts give different queries."""
    torch.manual_seed(5)
    tokenizer = transformers.AutoTokenizer.from_pretrained(BACKBONE)
    config = transformers.T5Config(
        vocab_size=len(tokenizer),
        d_model=16,
        d_kv=8,
        d_ff=16,
        num_layers=1,
        num_heads=2,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
        initializer_factor=20.0,
    )
    folder = tmp_path_factory.mktemp("t5")
    transformers.T5ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
