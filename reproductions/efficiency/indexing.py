"""One way of indexing the same 20,000 sparse vectors: documents per second.

stock: JSONL by ``pyserini.index.lucene``, four files and two threads.
jsonl: the same JSONL by ``pyserini_ext.index``.
direct: vectors from memory, as ``--to-lucene`` writes them.
All are whole commands or whole calls, Java's start included; equal scores are checked.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

DOCUMENTS, VOCABULARY, TERMS, MEAN_WEIGHT, FILES, QUERIES = 20_000, 100_000, 200, 100, 4, 20


def main() -> None:
    """Index in one way and print a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form", choices=("stock", "jsonl", "direct"))
    parser.add_argument("--small", action="store_true")
    options, _ = parser.parse_known_args()
    count = 500 if options.small else DOCUMENTS
    ids, impacts, vocabulary = synthetic(count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_jsonl(folder / "jsonl", ids, impacts, vocabulary)
        ways: dict[str, Callable[[Path], None]] = {
            "stock": lambda index: stock(folder / "jsonl", index),
            "jsonl": lambda index: command(
                "pyserini_ext.index", "--input", folder / "jsonl", "--index", index
            ),
            "direct": lambda index: direct(index, ids, impacts, vocabulary),
        }
        start = time.perf_counter()
        ways[options.form](folder / "index")
        seconds = time.perf_counter() - start
        size = sum(path.stat().st_size for path in (folder / "index").iterdir())
        digest = found(folder / "index", impacts, vocabulary)
        if options.form != "stock":
            stock(folder / "jsonl", folder / "reference")
            same = digest == found(folder / "reference", impacts, vocabulary)
            if not same:
                raise SystemExit(f"error: {options.form} finds other documents than stock")
    result = {
        "setting": f"{count} vectors of about {TERMS} terms, mean weight {MEAN_WEIGHT}",
        "seconds": round(seconds, 2),
        "rate": round(count / seconds, 1),
        "unit": "documents/s",
        "detail": f"{size / 2**20:.1f} MiB; {QUERIES} queries to depth 1000 "
        + ("are the yardstick" if options.form == "stock" else "as stock"),
    }
    print(json.dumps(result))


def synthetic(count: int) -> tuple[list[str], csr_array, list[str]]:
    """Random impacts with Zipfian terms."""
    random = np.random.default_rng(0)
    lengths = random.poisson(TERMS, count)
    rows = np.repeat(np.arange(count), lengths)
    columns = np.minimum(random.zipf(1.2, lengths.sum()) - 1, VOCABULARY - 1)
    spread = random.integers(0, VOCABULARY, lengths.sum())
    columns = np.where(random.random(lengths.sum()) < 0.5, columns, spread)
    values = 1 + random.poisson(MEAN_WEIGHT - 1, lengths.sum())
    pairs = np.unique(rows * VOCABULARY + columns, return_index=True)
    content = (values[pairs[1]].astype(np.int32), (pairs[0] // VOCABULARY, pairs[0] % VOCABULARY))
    impacts = csr_array(content, shape=(count, VOCABULARY))
    return [f"d{i}" for i in range(count)], impacts, [f"Ġt{i}" for i in range(VOCABULARY)]


def write_jsonl(folder: Path, ids: list[str], impacts: csr_array, vocabulary: list[str]) -> None:
    """As the encode command writes it."""
    from llm_encoders.encoding.impacts import to_term_dicts

    folder.mkdir()
    vectors = to_term_dicts(impacts, vocabulary)
    size = -(-len(ids) // FILES)
    for number in range(FILES):
        with (folder / f"embeddings.{number:05d}.jsonl").open("w") as stream:
            for i in range(number * size, min((number + 1) * size, len(ids))):
                record = {"id": ids[i], "contents": "", "vector": vectors[i]}
                stream.write(json.dumps(record) + "\n")


def stock(source: Path, index: Path) -> None:
    """Anserini's own way."""
    words = ["--collection", "JsonVectorCollection", "--input", source, "--index", index]
    words += ["--generator", "DefaultLuceneDocumentGenerator", "--threads", 2]
    command("pyserini.index.lucene", *words, "--impact", "--pretokenized")


def direct(index: Path, ids: list[str], impacts: csr_array, vocabulary: list[str]) -> None:
    """What ``--to-lucene`` does with a part, in parts of 8,192."""
    from pyserini_ext.indexes.lucene import LuceneImpactWriter

    with LuceneImpactWriter(index) as writer:
        for start in range(0, len(ids), 8192):
            part = slice(start, start + 8192)
            writer.add(ids[part], impacts[part], vocabulary)
            writer.commit({"next": str(start)})


def command(*words: object) -> None:
    """Run ``python -m …`` and insist on success."""
    result = subprocess.run(
        [sys.executable, "-m", *map(str, words)], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise SystemExit(result.stderr)


def found(index: Path, impacts: csr_array, vocabulary: list[str]) -> list[list[tuple[str, float]]]:
    """Hits of some documents as queries, to depth 1000, by the stock searcher."""
    from pyserini.search.lucene import LuceneImpactSearcher

    class Encoded:
        def encode(self, text: str) -> dict[str, int]:
            row = impacts[[int(text)]]
            pairs = zip(row.indices.tolist(), row.data.tolist(), strict=True)
            return {vocabulary[column]: value for column, value in pairs}

    searcher = LuceneImpactSearcher(str(index), Encoded())
    return [
        [(hit.docid, hit.score) for hit in searcher.search(str(number), k=1000)]
        for number in range(QUERIES)
    ]


if __name__ == "__main__":
    main()
