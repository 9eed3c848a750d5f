"""Requests of many threads, answered in batches by whichever thread comes first.

A request that finds nobody at work is answered at once. Those that arrive meanwhile wait, and the
next thread answers all of them by one forward pass of the model. Only one thread of the process is
ever at work, and that is needed for right results: pyjnius keeps the object that a method is called
on in the method, which all threads share, so two threads that fill Java maps at the same time may
write into each other's.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from llm_encoders.errors import EncoderError

GATE = threading.RLock()
"""Held by the one thread that calls the model or Java."""


@dataclass(eq=False)
class _Request:
    query: str
    hits: int
    done: bool = False
    result: list[Any] = field(default_factory=list)
    error: Exception | None = None


class Batching:
    """Answers single queries of many threads by batches.

    Args:
        answer: takes queries and a number of hits, gives one result a query; called by one thread
            at a time.
        most: queries of a batch, at most.
    """

    def __init__(self, answer: Callable[[list[str], int], list[Any]], most: int) -> None:
        self._answer = answer
        self._most = most
        self._waiting: list[_Request] = []
        self._lock = threading.Lock()

    def __call__(self, query: str, hits: int) -> Any:
        """The result of one query.

        Raises:
            EncoderError: of ``answer``; the queries that shared the batch get their results.
        """
        mine = _Request(query, hits)
        with self._lock:
            self._waiting.append(mine)
        with GATE:
            while not mine.done:
                self._answer_some()
        if mine.error is not None:
            raise mine.error
        return mine.result

    def _answer_some(self) -> None:
        with self._lock:
            hits = self._waiting[0].hits
            batch = [request for request in self._waiting if request.hits == hits][: self._most]
            self._waiting = [request for request in self._waiting if request not in batch]
        try:
            self._fill(batch)
        except EncoderError:
            for request in batch:  # one of them is at fault; the others are not to fail with it
                try:
                    self._fill([request])
                except Exception as error:
                    request.error = error
        except Exception as error:
            for request in batch:
                request.error = error
        finally:
            for request in batch:
                request.done = True

    def _fill(self, batch: list[_Request]) -> None:
        results = self._answer([request.query for request in batch], batch[0].hits)
        for request, result in zip(batch, results, strict=True):
            request.result = result
