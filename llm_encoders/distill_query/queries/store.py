"""The queries of a run: read once, each text once, on the disk in the order of their source."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from llm_encoders.corpora import document_files
from llm_encoders.data.arrow import Table, TableWriter
from llm_encoders.data.sampling import sample
from llm_encoders.data.text_keys import text_key
from llm_encoders.distill_query.queries.pseudo_queries import crops, titles
from llm_encoders.distill_query.queries.reading import query_files, read_queries
from llm_encoders.distill_query.recipe.sections import Queries
from llm_encoders.jobs.fingerprint import file_fingerprints
from llm_encoders.reading import read_record
from llm_encoders.train.recipe.errors import RecipeError, about

_TABLE, _NOTE = "queries.arrow", "queries.json"
_SCHEMA = pa.schema([("text", pa.string())])


class QueryStore:
    """Texts by number."""

    def __init__(self, folder: Path) -> None:
        self._table = Table(folder / _TABLE)
        self.digest: str = read_record(folder / _NOTE)["digest"]
        """SHA-256 of all texts in order."""

    def __len__(self) -> int:
        return len(self._table)

    def texts(self, rows: Any) -> list[str]:
        """The texts of these numbers."""
        return [self._table[int(row)]["text"] for row in rows]


def fingerprint_of(queries: Queries, seed: int) -> dict[str, Any]:
    """What the queries depend on: keys of the recipe, and size and time of every file.

    Raises:
        EncoderError: nothing is there.
    """
    assert queries.source is not None
    if queries.kind == "queries":
        paths = query_files(queries.source, queries.split)
    else:
        with about("queries.source"):
            paths = [] if queries.source.startswith("hf:") else document_files(queries.source)
    drawn = queries.limit is not None or queries.kind == "crops"
    return {
        "queries": vars(queries),
        "seed": seed if drawn else None,
        "files": file_fingerprints(paths),
    }


def store_queries(queries: Queries, seed: int, folder: Path) -> QueryStore:
    """Read the queries, or open what an earlier run has read of the same files.

    A text that differs from an earlier one only in case, white space or composition is left out.

    Args:
        queries: of the recipe, with a source.
        seed: of what is drawn at random.
        folder: takes them.

    Raises:
        EncoderError: a faulty record, with file and line; or there is no query at all.
    """
    return store_texts(_read(queries, seed), fingerprint_of(queries, seed), folder, queries, seed)


def _read(queries: Queries, seed: int) -> Iterator[tuple[str, str]]:
    assert queries.source is not None
    if queries.kind == "titles":
        return titles(queries.source)
    if queries.kind == "crops":
        words = queries.least_words, queries.most_words
        return crops(queries.source, queries.crops, *words, seed)
    return read_queries(queries.source, queries.split)


def store_texts(
    found: Iterator[tuple[str, str]],
    fingerprint: dict[str, Any],
    folder: Path,
    queries: Queries,
    seed: int,
) -> QueryStore:
    """Write texts into a store; see :func:`store_queries`."""
    wanted = json.loads(json.dumps(fingerprint))
    note = read_record(folder / _NOTE)
    if note.get("fingerprint") == wanted and (folder / _TABLE).is_file():
        return QueryStore(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    texts = sample(_different(found), queries.limit, seed)
    digest = hashlib.sha256()
    with TableWriter(folder / _TABLE, _SCHEMA) as writer:
        for text in texts:
            writer.append(text)
            digest.update(json.dumps(text).encode())
    if not writer.count:
        raise RecipeError(
            "queries.source" if queries.source else "candidates.source",
            f"{_source(queries)} holds no {queries.kind}; name one that does.",
        )
    note = {"fingerprint": wanted, "digest": digest.hexdigest()}
    (folder / _NOTE).write_text(json.dumps(note), encoding="utf-8")
    return QueryStore(folder)


def _source(queries: Queries) -> str:
    return queries.source or "the file of candidates"


def _different(found: Iterator[tuple[str, str]]) -> Iterator[str]:
    seen: set[int] = set()
    for _, written in found:
        text = written.strip()
        key = text_key(text)
        if text and key not in seen:
            seen.add(key)
            yield text
