"""Searching a Lucene impact index of synthetic vectors by Pyserini's searcher: queries per second.

one-by-one: ``search`` for each query. batch: ``batch_search`` with two threads.
Queries are encoded by ``llm-splade-tiny``; the batch is encoded at once.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from indexing import direct, synthetic

QUERIES, HITS = 200, 1000


def main() -> None:
    """Search in one way and print a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form", choices=("one-by-one", "batch"))
    parser.add_argument("--small", action="store_true")
    options, _ = parser.parse_known_args()
    from pyserini.search.lucene import LuceneImpactSearcher

    from llm_encoders import load_encoder

    ids, impacts, _ = synthetic(500 if options.small else 20_000)
    vocabulary = list(load_encoder("llm-splade-tiny").vocabulary)
    vocabulary += [f"other{i}" for i in range(impacts.shape[1] - len(vocabulary))]
    with tempfile.TemporaryDirectory() as name:
        direct(Path(name), ids, impacts, vocabulary)
        searcher = LuceneImpactSearcher(name, "llm-splade-tiny")
        texts = [f"how does {a} affect {b}" for a in words(20) for b in words(10)][:QUERIES]
        searcher.batch_search(texts[:20], texts[:20], HITS, 2)
        start = time.perf_counter()
        if options.form == "batch":
            searcher.batch_search(texts, [str(i) for i in range(len(texts))], HITS, 2)
        else:
            for text in texts:
                searcher.search(text, HITS)
        seconds = time.perf_counter() - start
    result = {
        "setting": f"{len(ids)} vectors of about 200 terms, {len(texts)} queries, {HITS} hits",
        "seconds": round(seconds, 2),
        "rate": round(len(texts) / seconds, 1),
        "unit": "queries/s",
        "detail": "encoding of the queries included",
    }
    print(json.dumps(result))


def words(count: int) -> list[str]:
    """Some words to ask about."""
    known = "diet sleep stress exercise water sugar smoking noise heat cold light age music work "
    known += "travel coffee tea salt fat milk"
    return known.split()[:count]


if __name__ == "__main__":
    main()
