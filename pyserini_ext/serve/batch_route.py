"""A route for many queries at once, which Pyserini's servers do not have."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from llm_encoders.errors import EncoderError, UsageError

_MOST_QUERIES = 10_000


class Queries(BaseModel):
    """Body of a request."""

    model_config = ConfigDict(extra="forbid")

    queries: list[str] = Field(min_length=1, max_length=_MOST_QUERIES)
    hits: int = 10


def add_batch_route(
    app: FastAPI, path: str, answer: Callable[[str, list[str], int], list[dict[str, Any]]]
) -> None:
    """Add the route to a REST server.

    Args:
        app: the server.
        path: of the route, with ``{index}`` in it.
        answer: gives one answer a query, of an index's name, queries and number of hits.
    """

    def batch_search(index: str, body: Queries) -> dict[str, list[dict[str, Any]]]:
        """Answers to many queries, in their order, each as a search for one gives it."""
        try:
            return {"results": answer(index, body.queries, body.hits)}
        except EncoderError as error:
            code = 400 if isinstance(error, UsageError) else 500
            raise HTTPException(status_code=code, detail=str(error)) from None

    app.post(path, tags=["indexes"])(batch_search)
    app.router.routes.insert(0, app.router.routes.pop())  # before patterns that take any path
