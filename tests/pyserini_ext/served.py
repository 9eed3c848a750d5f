"""Small indexes of the shipped encoders."""

import json
from dataclasses import dataclass
from pathlib import Path

from pyserini_ext.encode.command import main as encode

SPARSE, DENSE = "llm-splade-tiny", "llm-dense-tiny"
DOCUMENTS = {
    "a": (None, "Statins lower cholesterol and the risk of heart attacks."),
    "b": ("Vitamin D", "Sunlight lets the skin produce vitamin D, which bones need."),
    "c": (None, "A bicycle has two wheels, a chain and a saddle."),
    "d": ("Bread", "Yeast makes the dough of bread rise before it is baked."),
    "é/1": (None, "Coffee keeps people awake because of caffeine."),
}
QUERIES = [
    "how to lower cholesterol",
    "why does bread rise",
    "parts of a bicycle",
    "what keeps people awake",
    "how does the skin make vitamin D",
    "heart attacks",
]


@dataclass
class Made:
    """A corpus and its indexes."""

    folder: Path
    corpus: Path
    sparse: Path
    dense: Path


def make(folder: Path) -> None:
    records = [
        {"id": docid, "text": text} | ({"title": title} if title else {})
        for docid, (title, text) in DOCUMENTS.items()
    ]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, records)))
    for encoder, name, output in (
        (SPARSE, "sparse", "--to-lucene"),
        (DENSE, "dense", "--to-faiss"),
    ):
        words = ["--encoder", encoder, "--corpus", str(folder / "corpus.jsonl"), output]
        assert encode([*words, "--embeddings", str(folder / name)]) == 0
