"""What encoded queries are made by, in a file beside them: ``QUERIES.contract.json``.

The queries' own file has no place for it in any layout that Pyserini or Anserini reads.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, NoReturn

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.fingerprint import checksum
from llm_encoders.reading import read_object
from pyserini_ext.folders.contract import read_contract, require_same_encoder

EMBEDDINGS = "embedding.pkl"
"""The file that Pyserini reads in a folder of ``--encoded-queries``."""


def record_path(queries: Path) -> Path:
    """Where the record of a file of encoded queries is."""
    return queries.with_name(f"{queries.name}.contract.json")


def write_queries(
    queries: Path, content: bytes, encoder: dict[str, Any], job: dict[str, Any]
) -> None:
    """Write a file of encoded queries, and before it the record of what made it.

    Args:
        queries: the file.
        content: of the file.
        encoder: ``"name"``, and ``"contract"`` and ``"weights"`` of the side of the passages; of a
            query tower also ``"teacher"``, the name of that side.
        job: everything that the file depends on.
    """
    record = encoder | {"job": job, "sha256": hashlib.sha256(content).hexdigest()}
    write_atomically(record_path(queries), json.dumps(record, indent=1) + "\n")
    write_atomically(queries, content)


def read_query_record(queries: Path) -> dict[str, Any] | None:
    """The record of a file of encoded queries; ``None`` where it has none.

    Raises:
        EncoderError: the record is damaged, or of other content than the file has.
    """
    path = record_path(queries)
    if not queries.is_file() or not path.is_file():
        return None
    record = read_object(path)
    if record.get("sha256") != checksum(queries):
        raise EncoderError(
            f"{queries} was changed after it was encoded: {path} is of other content. Encode the "
            f"queries again; or remove {path}, and they are searched without checks."
        )
    return record


def require_index_of_queries(index: Path, queries: Path) -> None:
    """Refuse to search an index that was made under another contract than encoded queries were.

    Nothing is compared where either has no record.

    Raises:
        UsageError: names what differs.
        EncoderError: a record is damaged.
    """
    record = read_query_record(queries)
    if record is None:
        return
    name = f"{record.get('name', 'the encoder')}, which encoded {queries}"
    contract = read_contract(record, record_path(queries))
    weights, teacher = record.get("weights"), record.get("teacher")
    require_same_encoder(index, name, contract, weights=weights, teacher=teacher)


class EncodedQueries(dict[str, Any]):
    """Vectors by the text of their query, as Pyserini reads them; other texts are told.

    Args:
        vectors: by text.
        folder: they come from.
    """

    def __init__(self, vectors: dict[str, Any], folder: Path) -> None:
        super().__init__(vectors)
        self._folder = folder

    def __missing__(self, query: str) -> NoReturn:
        raise EncoderError(
            f"{self._folder} holds no vector of the query '{query[:80]}', so it was encoded from "
            "other topics. Encode these with python -m pyserini.encode.query."
        )


def require_words(topics: Path) -> None:
    """Refuse to encode queries that are encoded already.

    Raises:
        UsageError: these are encoded queries.
    """
    if read_query_record(topics) is not None:
        raise UsageError(
            f"{topics} holds encoded queries, whose terms the encoder would take for words. Leave "
            "--encoder out, or name the topics that were encoded."
        )


def require_impact(queries: Path) -> None:
    """Refuse to search for encoded sparse queries as if they were words.

    Raises:
        UsageError: these are encoded queries.
    """
    if read_query_record(queries) is not None:
        raise UsageError(
            f"{queries} holds encoded queries, and without --impact the search would be BM25. Add "
            "--impact."
        )
