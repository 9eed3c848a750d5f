"""The commands of reproductions/tiny/README.md at tiny scale, and what they made."""

import gzip
import importlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

from llm_encoders import EncoderConfig, load_encoder
from llm_encoders.data.prepare import DataSources, prepare
from llm_encoders.evaluation.evaluate import Collection
from llm_encoders.train.recipe.file import load_recipe

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "reproductions" / "tiny" / "README.md"
SHIPPED = REPOSITORY / "llm_encoders" / "models" / "tiny"
SENTENCES = " ".join(
    f"{word} keeps the house warm in a long and cold winter night."
    for word in ("Wool", "Straw", "Cork", "Moss")
)
OVERRIDES = (
    "schedule.steps=2 schedule.queries=4 evaluation.every=2 saving.every=2 dtype=float32 "
    "schedule.chunk_tokens=2048 "
    "'trainer={disable_tqdm: true, logging_steps: 1}'"
)


@pytest.fixture
def teacher(tmp_path):
    """A small random BERT with the width of all-MiniLM-L6-v2, in place of it."""
    folder = tmp_path / "teacher"
    (folder / "1_Pooling").mkdir(parents=True)
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
    pooling = {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    names = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (path, kind) in enumerate(names.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    return folder


@pytest.fixture
def pairs(shared_data, tmp_path):
    """Some questions of SQuAD with their passages."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    with gzip.open(shared_data / "pairs" / "squad-dev-1.1.jsonl.gz", "rt") as source:
        lines = list(itertools.islice(source, 0, 9000, 30))
    with gzip.open(folder / "squad.jsonl.gz", "wt") as target:
        target.writelines(lines)
    return folder


def commands():
    """The first block of the page, without the installation."""
    block = PAGE.read_text(encoding="utf-8").split("```bash\n")[1].split("```")[0]
    return "".join(line for line in block.splitlines(True) if not line.startswith("pip "))


@pytest.mark.slow
@pytest.mark.whole
def test_the_page_at_tiny_scale(warm_executable, teacher, pairs, tmp_path):
    (tmp_path / "reproductions").symlink_to(REPOSITORY / "reproductions")
    script = f"""set -e
    python() {{
        case "$*" in *llm_encoders.train*) set -- "$@" {OVERRIDES};; esac
        {warm_executable} "$@"
    }}
    PAIRS={pairs} TEACHER={teacher}
    {commands()}"""
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    made = tmp_path / "runs" / "tiny"
    for name, shape in (("sparse", None), ("dense", (1, 256))):
        encoder = load_encoder(str(made / name))
        vectors = encoder.encode_queries(["who was the first president"])
        assert vectors.shape == (shape or (1, len(encoder.vocabulary)))
        values = vectors.data if name == "sparse" else vectors
        assert np.isfinite(values).all() and (values != 0).any()
    for name in ("backbone", "sparse", "dense"):
        files = {path.name for path in (made / name).iterdir()}
        assert files == {path.name for path in (SHIPPED / name).iterdir()} - {"README.md"}
        weights = "model.safetensors" if name == "backbone" else "adapter_model.safetensors"
        half, whole = (load_file(made / one / weights) for one in (name, f"trained-{name}"))
        assert half.keys() == whole.keys()
        assert all(torch.equal(half[key], whole[key].half()) for key in half)
    check_files(made)


def check_files(made):
    """Held-out passages are not trained on; each query occurs once, with all its answers."""
    data = prepare(
        DataSources(str(made / "train.jsonl"), str(made / "corpus.jsonl")), made / "check"
    )
    collection = Collection.load(str(made / "held-out"), "dev")
    ids = data.passages.ids(range(len(data.passages)))
    assert len(set(ids)) == len(ids) and not set(ids) & set(collection.ids)
    rows = data.queries.select(range(len(data.queries)))
    trained = [one["query"].lower() for one in rows]
    assert len(set(trained)) == len(trained) > 100 and len(collection.queries) > 2
    assert all(1 <= len(one["positives"]) <= 4 for one in rows)


@pytest.mark.parametrize("name", ["sparse", "dense"])
def test_recipe_and_shipped_contract_agree(name):
    recipe = load_recipe(REPOSITORY / "reproductions" / "recipes" / f"tiny-{name}.yaml")
    assert recipe.encoder == EncoderConfig.load(SHIPPED / name)


def test_every_piece_of_a_passage_is_cropped(monkeypatch, tmp_path):
    """Also after one that gives no crop."""
    monkeypatch.syspath_prepend(str(REPOSITORY / "reproductions" / "tiny"))
    data = importlib.import_module("data")
    short = "One. Two. Three."
    monkeypatch.setattr(data, "chunks", lambda text: [short, SENTENCES, short, SENTENCES])
    record = {
        "query": "what is it made of",
        "passage": SENTENCES,
        "title": "",
        "source": "medquad",
    }
    (tmp_path / "medquad.jsonl.gz").write_bytes(gzip.compress(json.dumps(record).encode()))
    try:
        groups = [pair.group for pair in data.prepare(tmp_path) if pair.source == "medquad-crop"]
        assert [group[-2:] for group in groups] == ["-1", "-1", "-3", "-3"]  # twice a piece
        assert not [pair for pair in data.prepare(tmp_path, whole=True) if "crop" in pair.source]
    finally:
        sys.modules.pop("data", None)
