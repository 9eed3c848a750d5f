"""Doing the next piece of work of an iterator in a thread while the last one is used."""

import queue
import threading
from collections.abc import Iterator
from typing import Any, TypeVar

T = TypeVar("T")
_PATIENCE = 0.1  # seconds between two looks whether anybody still wants the items
_FAREWELL = 5.0  # seconds that the end waits for an item that is being made


def prefetched(items: Iterator[T], depth: int = 2) -> Iterator[T]:
    """Yield the items in order, up to ``depth`` of them made ahead; errors come in their place.

    The end waits for the item that is being made: a thread that is in a tokenizer's native code
    while Python exits takes the process down. Where it blocks, on input that may never come, it
    is left behind after five seconds.
    """
    end = object()
    made: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(max(1, depth - 1))
    unwanted = threading.Event()

    def put(item: Any, error: BaseException | None = None) -> None:
        while not unwanted.is_set():
            try:
                made.put((item, error), timeout=_PATIENCE)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put(item)
                if unwanted.is_set():
                    return
            put(end)
        except BaseException as error:  # raised again where the item is wanted
            put(end, error)

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if item is end:
                return
            yield item
    finally:
        unwanted.set()
        thread.join(_FAREWELL)
