"""The files that Pyserini and Anserini read encoded queries from, by the suffix of the name.

========  ===============================================  =====================================
suffix    sparse                                           dense
========  ===============================================  =====================================
.tsv      ``id TAB term term …`` (both)                    ``id TAB number number …`` (Anserini)
.jsonl    ``{"id": …, "title": "term term …"}`` (both)     ``{"qid": …, "vector": […]}``
                                                           (Anserini)
.json     ``{id: {"title": "term term …"}}`` (Pyserini)    refused
.pkl      refused                                          a table of id, text and embedding
                                                           (Pyserini)
others    as .tsv                                          as .pkl
========  ===============================================  =====================================

A term is written as often as its impact says. Numbers are written with the fewest digits that give
the same float32.
"""

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from llm_encoders.errors import UsageError

_INTEGER = re.compile(r"[+-]?\d+")
Ids = Sequence[str | int]


def require_layout(output: Path, paradigm: str) -> None:
    """Refuse a name by whose suffix the queries cannot be written.

    Raises:
        UsageError: names those that work.
    """
    if paradigm == "sparse" and output.suffix == ".pkl":
        raise UsageError(f"{output}: sparse queries are written as .tsv, .json or .jsonl.")
    if paradigm == "dense" and output.suffix == ".json":
        raise UsageError(
            f"{output}: dense queries are written as FOLDER/embedding.pkl, .tsv or .jsonl."
        )


def sparse_queries(output: Path, ids: Ids, impacts: Sequence[dict[str, int]]) -> bytes:
    """The content of a file of sparse queries.

    Args:
        output: its name.
        ids: of the queries.
        impacts: ``{term: impact}`` of each.

    Raises:
        UsageError: an id that would be read as another one.
    """
    texts = [" ".join(" ".join([term] * count) for term, count in one.items()) for one in impacts]
    pairs = list(zip(map(str, ids), texts, strict=True))
    if output.suffix == ".json":
        return (_json({name: {"title": text} for name, text in pairs}) + "\n").encode()
    if output.suffix == ".jsonl":
        return _lines(_json({"id": name, "title": text}) for name, text in pairs)
    _require_plain_ids(output, [name for name, _ in pairs])
    # A line without terms cannot be read; a query without terms finds nothing either way.
    return _lines(f"{name}\t{text}" for name, text in pairs if text)


def dense_queries(output: Path, ids: Ids, texts: Sequence[str], vectors: np.ndarray) -> bytes:
    """The content of a file of dense queries.

    Args:
        output: its name.
        ids: of the queries.
        texts: by which Pyserini finds a query's vector.
        vectors: float32 [queries, dimension].

    Raises:
        UsageError: an id that would be read as another one.
    """
    if output.suffix == ".jsonl":
        return _lines(
            f'{{"qid": {_json(str(name))}, "vector": [{", ".join(map(str, vector))}]}}'
            for name, vector in zip(ids, vectors, strict=True)
        )
    if output.suffix == ".tsv":
        _require_plain_ids(output, [str(name) for name in ids])
        pairs = zip(ids, vectors, strict=True)
        return _lines(f"{name}\t{' '.join(map(str, vector))}" for name, vector in pairs)
    import pandas

    table = pandas.DataFrame({"id": list(ids), "text": list(texts), "embedding": list(vectors)})
    stream = io.BytesIO()
    table.to_pickle(stream)
    return stream.getvalue()


def _require_plain_ids(output: Path, names: list[str]) -> None:
    """Refuse ids that Pyserini's reader of TSV, which takes them for numbers, would change."""
    if not all(map(_INTEGER.fullmatch, names)):
        return
    if changed := [name for name in names if str(int(name)) != name]:
        raise UsageError(
            f"{output}: Pyserini would read the id '{changed[0]}' as {int(changed[0])} in a TSV "
            "file. Name an output that ends in .json or .jsonl."
        )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _lines(lines: Any) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
