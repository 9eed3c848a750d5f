"""Documents per second by the number of tokens in a batch: the measurement behind the default.

python batch_tokens.py --corpus BEIR_FOLDER/corpus.jsonl [--documents 600] [--encoders NAME …]
"""

import argparse
import itertools
import json
import time
from pathlib import Path

from llm_encoders import load_encoder

SIZES = (16384, 4096, 3072, 2048, 1024)


def main() -> None:
    """Print one table row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="JSONL with title and text")
    parser.add_argument("--documents", type=int, default=600, help="how many, from the top")
    parser.add_argument("--encoders", nargs="+", default=["llm-splade-tiny", "llm-dense-tiny"])
    arguments = parser.parse_args()
    with arguments.corpus.open(encoding="utf-8") as lines:
        documents = [json.loads(line) for line in itertools.islice(lines, arguments.documents)]
    texts = [document["text"] for document in documents]
    titles = [document.get("title") for document in documents]
    print("| tokens a batch |", " | ".join(f"`{name}`" for name in arguments.encoders), "|")
    print("|---" * (len(arguments.encoders) + 1) + "|")
    encoders = [load_encoder(name) for name in arguments.encoders]
    for size in SIZES:
        rates = []
        for encoder in encoders:
            encoder.batch_tokens = size
            start = time.perf_counter()
            encoder.encode_documents(texts, titles)
            rates.append(f"{len(texts) / (time.perf_counter() - start):.1f}")
        print(f"| {size:,} |", " | ".join(rates), "|", flush=True)


if __name__ == "__main__":
    main()
