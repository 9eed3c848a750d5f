"""The untrained Llama and the training data of this page.

python prepare.py --pairs PAIRS --collection BEIR/nfcorpus --output OUTPUT [--count 16000]

``OUTPUT/llama`` is a Llama of random weights with the tokenizer of the tiny models. ``OUTPUT/data``
is a collection in BEIR layout whose training queries are those of the collection and questions of
the pairs, whose corpus holds the passages of both.
"""

import argparse
import gzip
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

import llm_encoders

BACKBONE = Path(llm_encoders.__file__).parent / "models" / "tiny" / "backbone"
SOURCES = ("medquad", "qed-nq-train", "squad-dev-1.1", "selqa-dev-test", "pubmedqa-labeled")
"""Questions with a passage that answers them."""
SEED = 7


def main() -> None:
    """Write model and data."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=Path, required=True, help="folder of *.jsonl.gz")
    parser.add_argument("--collection", type=Path, required=True, help="folder in BEIR layout")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--count", type=int, default=16000, help="pairs to take (16000)")
    options = parser.parse_args()
    write_model(options.output / "llama")
    write_data(options.output / "data", options.pairs, options.collection, options.count)


def write_model(folder: Path) -> None:
    """A Llama of the tiny models' shape with random weights."""
    torch.manual_seed(SEED)
    config = AutoConfig.from_pretrained(BACKBONE, local_files_only=True)
    config.dtype = "float32"
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for path in BACKBONE.glob("tokenizer*"):
        shutil.copy(path, folder)


def write_data(folder: Path, pairs: Path, collection: Path, count: int) -> None:
    """Training queries of the collection and ``count`` of the pairs, no passage twice."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    qrels = (collection / "qrels" / "train.tsv").read_text().splitlines()
    corpus = (collection / "corpus.jsonl").read_text().splitlines()
    wanted = {line.split("\t")[0] for line in qrels[1:]}
    lines = (collection / "queries.jsonl").read_text().splitlines()
    queries = [line for line in lines if json.loads(line)["_id"] in wanted]
    passages: dict[str, str] = {}
    drawn = random.Random(SEED).sample(sorted(_pairs(pairs)), count)
    for number, (question, title, text) in enumerate(drawn):
        docid = passages.get(text)
        if docid is None:
            docid = passages[text] = f"pair-p{number}"
            corpus.append(json.dumps({"_id": docid, "title": title, "text": text}))
        queries.append(json.dumps({"_id": f"pair-q{number}", "text": question}))
        qrels.append(f"pair-q{number}\t{docid}\t1")
    for name, content in (("corpus.jsonl", corpus), ("queries.jsonl", queries)):
        (folder / name).write_text("".join(f"{line}\n" for line in content), encoding="utf-8")
    (folder / "qrels" / "train.tsv").write_text("".join(f"{line}\n" for line in qrels))
    print(f"{len(queries)} training queries, {len(corpus)} passages")


def _pairs(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Question, title and passage of every pair of the sources, each pair once."""
    seen = set()
    for source in SOURCES:
        with gzip.open(folder / f"{source}.jsonl.gz", "rt", encoding="utf-8") as stream:
            for line in stream:
                record: dict[str, Any] = json.loads(line)
                pair = record["query"].strip(), record["title"] or "", record["passage"].strip()
                if pair not in seen and len(pair[0].split()) > 2 and len(pair[2].split()) > 10:
                    seen.add(pair)
                    yield pair


if __name__ == "__main__":
    main()
