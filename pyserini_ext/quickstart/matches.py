"""Which terms a document and a query share in a sparse index, and what each adds to the score."""

import json
from collections.abc import Collection as Ids
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llm_encoders import SparseEncoder, load_encoder
from llm_encoders.reading import parse_json
from pyserini_ext.quickstart.pipeline import BATCH


@dataclass(frozen=True)
class Match:
    """A term that is in a query and in a document."""

    term: str
    query: int
    """Impact in the query."""
    document: int
    """Impact in the document."""

    @property
    def contribution(self) -> int:
        """What the term adds to the score."""
        return self.query * self.document


def matches(query: Mapping[str, int], document: Mapping[str, int]) -> list[Match]:
    """The terms that both have, the largest contribution first, then by term."""
    shared = [Match(term, query[term], document[term]) for term in query.keys() & document.keys()]
    return sorted(shared, key=lambda match: (-match.contribution, match.term))


def document_impacts(vectors: Path, ids: Ids[str]) -> dict[str, dict[str, int]]:
    """Impacts of some documents by id, from JSONL of ``pyserini.encode``.

    Args:
        vectors: the folder.
        ids: documents that are wanted.

    Returns:
        Of those documents that are there.

    Raises:
        EncoderError: a line is not JSON.
    """
    found: dict[str, dict[str, int]] = {}
    marks = [
        json.dumps(docid, ensure_ascii=ascii_only) for docid in ids for ascii_only in (False, True)
    ]
    for file in sorted(vectors.glob("*.jsonl")):
        with file.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                if not any(mark in line for mark in marks):
                    continue
                record = parse_json(line, f"{file}, line {number}")
                if record["id"] in ids:
                    found[record["id"]] = record["vector"]
    return found


def query_impacts(
    encoder: str, queries: Mapping[str, str], wanted: Ids[str], batch: int = BATCH
) -> dict[str, dict[str, int]]:
    """Impacts of some queries by id.

    They are encoded among the queries that a search has in one batch with them, since the last
    digits of a weight may depend on those.

    Args:
        encoder: name, folder or Hub id of a sparse encoder.
        queries: all, by id, in the order of the topics.
        wanted: those to encode.
        batch: queries of a batch.
    """
    loaded = load_encoder(encoder, paradigm="sparse")
    assert isinstance(loaded, SparseEncoder)
    found: dict[str, dict[str, int]] = {}
    names: Sequence[str] = list(queries)
    for start in range(0, len(names), batch):
        part = names[start : start + batch]
        if any(name in wanted for name in part):
            vectors = loaded.encode_queries([queries[name] for name in part])
            impacts = zip(part, loaded.impacts(vectors), strict=True)
            found.update((name, one) for name, one in impacts if name in wanted)
    return found
