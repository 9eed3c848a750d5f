"""The servers of Pyserini 2.x over our indexes.

They read ``server.yaml`` themselves. What is changed is how its indexes are opened (they are open
already, and share one model), and where texts come from.
"""

import logging
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pyserini.server.backend import SharedSearchBackend
from pyserini.server.document_format import format_lucene_document
from pyserini.server.errors import (
    BadSearchRequestError,
    DocumentNotFoundError,
    IndexNotAvailableError,
)
from pyserini.server.rest import app as rest

from llm_encoders.errors import EncoderError
from pyserini_ext.serve.searching import Hit, Served, ServedIndex

_PREFIX = "/v1"


class _Result:
    """A hit as Pyserini's backend reads it."""

    def __init__(self, hit: Hit) -> None:
        self.docid, self.score = hit


class _Searcher:
    """A served index as Pyserini's backend searches it."""

    def __init__(self, index: ServedIndex) -> None:
        self._index = index

    def search(self, query: str, hits: int) -> list[_Result]:
        return [_Result(hit) for hit in self._index.search(query, hits)]


class _Stored:
    """A record as Pyserini formats it."""

    def __init__(self, record: str | None) -> None:
        self._record = record

    def raw(self) -> str | None:
        return self._record


class Backend(SharedSearchBackend):
    """Pyserini's backend, whose indexes are those that are served."""

    def __init__(self, served: Served, config: Path) -> None:
        super().__init__(str(config), no_prebuilt_indexes=True)
        self._served = served

    def search(
        self,
        query: str | dict[str, Any],
        index_name: str,
        hits: int = 10,
        qid: str = "",
        parse: bool = True,
        allow_local_index: bool = True,
        ef_search: int | None = None,
        encoder: str | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Search as Pyserini's backend does; the encoder is the server's."""
        try:
            self._served.require_encoder(index_name, encoder)
            found: dict[str, Any] = super().search(query, index_name, hits, qid, parse, **options)
        except EncoderError as error:
            raise BadSearchRequestError(str(error)) from None
        return found

    def batch_search(self, index_name: str, queries: list[str], hits: int) -> list[dict[str, Any]]:
        """One answer a query, each as :meth:`search` gives it."""
        found = self._served.index(index_name).search_batch(queries, hits)
        return [
            {
                "query": {"text": query},
                "candidates": [
                    {"docid": docid, "score": score, "rank": rank, "doc": documents[docid]}
                    for rank, (docid, score) in enumerate(hits_, start=1)
                ],
            }
            for query, hits_ in zip(queries, found, strict=True)
            for documents in [self._documents([docid for docid, _ in hits_], True)]
        ]

    def _build_searcher(self, config: Any, **options: Any) -> _Searcher:  # the open one
        return _Searcher(self._served.index(config.name))

    def _bulk_fetch_and_format_documents(
        self, docids: list[str], start_index_name: str, *, parse: bool, allow_local_index: bool
    ) -> dict[str, Any]:
        if start_index_name not in self._local_indexes:
            raise IndexNotAvailableError(f"No index '{start_index_name}' is served here.")
        try:
            return self._documents(docids, parse)
        except EncoderError as error:
            raise DocumentNotFoundError(str(error)) from None

    def _documents(self, docids: list[str], parse: bool) -> dict[str, Any]:
        raw = self._served.raw(docids)
        return {docid: format_lucene_document(_Stored(raw[docid]), parse) for docid in docids}


def rest_app(served: Served, config: Path) -> tuple[Any, Backend]:
    """Pyserini's REST server, and the backend behind it."""
    backend = Backend(served, config)
    logging.getLogger(rest.__name__).setLevel(logging.ERROR)  # advises keys for a public server
    rest.SharedSearchBackend = lambda *args, **options: backend
    return rest.create_app(str(config), no_prebuilt_indexes=True), backend


def mcp_tools(backend: Backend, mcp: Any) -> None:
    """Register Pyserini's MCP tools."""
    from pyserini.server.mcp.tools import register_tools

    register_tools(mcp, backend)


def batch_path() -> str:
    """Path of the route for batches."""
    return f"{_PREFIX}/{{index}}/batch_search"


def example(url: str, index: str) -> str:
    """A command that asks the server."""
    asked = urlencode({"query": "what causes cancer", "hits": 3})
    return shlex.join(["curl", "-s", f"{url}{_PREFIX}/{index}/search?{asked}"])
