"""What an output folder says, in a form that can be compared."""

import json
from pathlib import Path

import faiss
import numpy as np


def files(folder: Path) -> dict[str, bytes]:
    """The whole content; no folder may be left."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


_DEPTH = 1000


def lucene_hits(folder: Path, queries: list[dict[str, int]]) -> list[list[tuple[str, float]]]:
    """The 1,000 best documents with their scores, for each query of impacts.

    Of documents that tie at rank 1,000 Lucene takes those added first, which is a matter of chance
    where several threads index, so documents of the last score of a full list count by score only.
    """
    from pyserini.pyclass import autoclass
    from pyserini.search.lucene import LuceneImpactSearcher

    class Encoded:
        def encode(self, text: str) -> dict[str, int]:
            return queries[int(text)]

    searcher = LuceneImpactSearcher(str(folder), Encoded(), min_idf=-1)
    autoclass("org.apache.lucene.search.IndexSearcher").setMaxClauseCount(2**31 - 1)
    found = []
    for number in range(len(queries)):
        hits = [(hit.docid, hit.score) for hit in searcher.search(str(number), k=_DEPTH)]
        last = hits[-1][1] if len(hits) == _DEPTH else None
        found.append([("tied" if score == last else docid, score) for docid, score in hits])
    return found


def content(kind: str, folder: Path, queries: list[dict[str, int]]) -> object:
    """Bytes of JSONL and npz; for indexes what searches find, and the number of documents."""
    if kind in ("jsonl", "npz"):
        return files(folder)
    if kind == "faiss":
        index = faiss.read_index(str(folder / "index"))
        vectors = index.reconstruct_n(0, index.ntotal)
        scores, rows = index.search(vectors[:20], 100)
        found = (vectors.tobytes(), scores.tobytes(), rows.tobytes())
        return index.ntotal, (folder / "docid").read_bytes(), found
    from pyserini.index.lucene import LuceneIndexReader

    stats = LuceneIndexReader(str(folder)).stats()
    return stats["documents"], lucene_hits(folder, queries)


def queries_of(folder: Path, count: int = 20) -> list[dict[str, int]]:
    """Documents of an npz output as queries."""
    from pyserini_ext.encode.parts import read_npz

    terms = (folder / "vocabulary.txt").read_text().splitlines()
    _, impacts = read_npz(folder / "part.00000.npz")
    return [
        {terms[c]: int(v) for c, v in zip(row.indices, row.data, strict=True)}
        for row in (impacts[[i]] for i in range(count))
    ]


def jsonl_ids(folder: Path) -> list[str]:
    """Ids in the order of the parts."""
    parts = sorted(folder.glob("*.jsonl"))
    return [json.loads(line)["id"] for part in parts for line in part.open()]


def dense_rows(folder: Path) -> np.ndarray:
    """Vectors of all JSONL parts."""
    parts = sorted(folder.glob("*.jsonl"))
    return np.array([json.loads(line)["vector"] for part in parts for line in part.open()])


def parts(folder: Path) -> list[Path]:
    """JSONL parts in order."""
    return sorted(folder.glob("*.jsonl"))
