"""The servers of Pyserini 1.x over our indexes.

Those servers know Pyserini's prebuilt indexes only, and download one when they are imported. Their
controller is replaced by one that knows our indexes only; routes and tools are Pyserini's own.
"""

import asyncio
import functools
import importlib
import inspect
import json
import sys
import types
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException

from llm_encoders.errors import EncoderError, UsageError
from pyserini_ext.serve.searching import Hit, Served

_PREFIX = "/v1/indexes"
_IMAGES = "pyserini.encode.optional._uniir"
with suppress(ImportError):
    importlib.import_module(_IMAGES)
if _IMAGES not in sys.modules:  # the servers import it, though only indexes of images need it
    sys.modules[_IMAGES] = types.ModuleType(_IMAGES)
    sys.modules[_IMAGES].UniIRQueryEncoder = None  # type: ignore[attr-defined]

from pyserini.server import search_controller  # noqa: E402
from pyserini.server.search_controller import SearchController  # noqa: E402


class Controller(SearchController):
    """Pyserini's controller, whose indexes are those that are served.

    What a request has wrong is raised as ``ValueError``, which its routes answer with its message.
    """

    def __init__(self, served: Served) -> None:
        super().__init__()
        self._served = served

    def search(
        self,
        query: str | dict[str, Any],
        index_name: str,
        k: int = 10,
        qid: str = "",
        ef_search: int | None = None,
        encoder: str | None = None,
        query_generator: str | None = None,
        instruction_config: str | None = None,
    ) -> dict[str, Any]:
        """Search as Pyserini's controller does; the encoder is the server's."""
        text = query if isinstance(query, str) else str(query.get("query_txt") or "")
        try:
            self._served.require_encoder(index_name, encoder)
            hits = self._served.index(index_name).search(text, k)
            return self._answer(text, hits, qid)
        except EncoderError as error:
            raise ValueError(str(error)) from None

    def batch_search(self, index_name: str, queries: list[str], k: int) -> list[dict[str, Any]]:
        """One answer a query, each as :meth:`search` gives it."""
        found = self._served.index(index_name).search_batch(queries, k)
        return [self._answer(*pair, qid="") for pair in zip(queries, found, strict=True)]

    def _answer(self, query: str, hits: list[Hit], qid: str) -> dict[str, Any]:
        texts = self._served.raw([docid for docid, _ in hits])
        return {
            "query": {"qid": qid, "query_txt": query},
            "candidates": [
                {"docid": docid, "score": score, "document_txt": _text(_fields(texts[docid]))}
                for docid, score in hits
            ],
        }

    def get_document(self, docid: str, index_name: str) -> dict[str, str]:
        """The stored fields of a document."""
        try:
            self._served.index(index_name)
            return _fields(self._served.raw([docid])[docid])
        except EncoderError as error:
            raise ValueError(str(error)) from None

    def get_indexes(self, index_type: str) -> list[str]:
        """The served indexes of a type: ``impact`` or ``faiss``."""
        return [n for n, index in self._served.indexes.items() if index.found.kind == index_type]

    def get_status(self, index_name: str) -> dict[str, Any]:
        """Where an index lies and how large it is."""
        try:
            folder = self._served.index(index_name).found.folder
        except UsageError as error:  # Pyserini's route answers no error of this method
            raise HTTPException(status_code=404, detail=str(error)) from None
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return {"downloaded": True, "size_bytes": str(size), "path": str(folder)}

    def update_settings(self, index_name: str, *settings: Any, **more: Any) -> None:
        """Refused: the encoder is the index's, and other settings have no effect on it."""
        raise ValueError("The settings of a served index cannot be changed.")

    def get_settings(self, index_name: str) -> dict[str, str | None]:
        """The encoder."""
        return {"encoder": self._served.index(index_name).encoder_name}


def _fields(raw: str | None) -> dict[str, str]:
    if raw is None:
        return {}
    try:
        record = json.loads(raw)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        return {"contents": raw}
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in record.items()
    }


def _text(fields: dict[str, str]) -> str:
    return fields.get("contents") or fields.get("text") or ""


def rest_app(served: Served, config: Path) -> tuple[FastAPI, Controller]:
    """Pyserini's REST server, and the controller behind it; this version reads no ``config``.

    Its routes are coroutines that search without ever waiting, so one request would keep all others
    from being read. Here each is run in a thread.
    """
    controller = Controller(served)
    search_controller.controller = controller
    from pyserini.server.rest.app import DESCRIPTION, SERVER_NAME, VERSION, root
    from pyserini.server.rest.routes.indexes import router

    app = FastAPI(title=SERVER_NAME, version=VERSION, description=DESCRIPTION)
    app.get("/")(root)
    for route in router.routes:
        app.add_api_route(
            f"/{VERSION}{route.path}".replace("{docid}", "{docid:path}"),  # ids may hold slashes
            _in_thread(route.endpoint),
            methods=list(route.methods),
            response_model=route.response_model,
            name=route.name,
            tags=route.tags,
        )
    return app, controller


def _in_thread(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        return asyncio.run(endpoint(**arguments))

    call.__signature__ = inspect.signature(endpoint)  # type: ignore[attr-defined]
    call.__name__, call.__doc__ = endpoint.__name__, endpoint.__doc__
    return call


def mcp_tools(controller: Any, mcp: Any) -> None:
    """Register Pyserini's MCP tools; what they print must not mix with their answers."""
    from pyserini.server.mcp import tools

    tools.print = functools.partial(print, file=sys.stderr)
    tools.register_tools(mcp, controller)


def batch_path() -> str:
    """Path of the route for batches."""
    return f"{_PREFIX}/{{index}}/batch_search"


def example(url: str, index: str) -> str:
    """A command that asks the server."""
    body = json.dumps({"query": "what causes cancer", "hits": 3})
    return f"curl -s {url}{_PREFIX}/{index}/search -H 'Content-Type: application/json' -d '{body}'"
