"""The commands of reproductions/tiny/README.md at tiny scale: every stage, then what they made."""

import gzip
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from llm_encoders import load_encoder

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).parents[2] / "reproductions" / "tiny" / "train_tiny.py"


@pytest.fixture
def teacher(tmp_path):
    """A small random BERT with the width of all-MiniLM-L6-v2, in place of it."""
    folder = tmp_path / "teacher"
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,?!-'"
    (folder / "vocab.txt").write_text("\n".join([*words, *letters, *(f"##{c}" for c in letters)]))
    transformers.BertTokenizer.from_pretrained(folder).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(words) + 2 * len(letters), hidden_size=384, num_hidden_layers=1,
        num_attention_heads=4, intermediate_size=64,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    return folder


def test_every_stage_runs_and_its_models_load(python, shared_data, teacher, tmp_path):
    pairs, output = tmp_path / "pairs", tmp_path / "output"
    pairs.mkdir()
    with gzip.open(shared_data / "pairs" / "squad-dev-1.1.jsonl.gz", "rt") as source:
        lines = list(itertools.islice(source, 0, 9000, 30))
    with gzip.open(pairs / "squad.jsonl.gz", "wt") as target:
        target.writelines(lines)
    common = ("--pairs", pairs, "--output", output, "--teacher", teacher)
    python(SCRIPT, "tokenizer", *common)
    for stage in ("backbone", "sparse", "dense"):
        python(SCRIPT, stage, *common, "--steps", 2)
    for name, shape in (("sparse", None), ("dense", (1, 256))):
        encoder = load_encoder(str(output / name))
        vectors = encoder.encode_queries(["who was the first president"])
        assert vectors.shape == (shape or (1, len(encoder.vocabulary)))
        values = vectors.data if name == "sparse" else vectors
        assert np.isfinite(values).all() and (values != 0).any()
    shown = python(SCRIPT, "evaluate", "--pairs", pairs, "--output", output).stdout
    assert "sparse held-out" in shown and "dense held-out" in shown
