"""The progress of Ray's actors: they count in an actor that the driver asks now and then."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pyserini_ext.encode.part_encoder import Progress
from pyserini_ext.encode.parts import Part

_LOOK_SECONDS = 0.5


class Counts:
    """An actor that knows how many documents of every part are done."""

    def __init__(self) -> None:
        self._done: dict[int, int] = {}

    def note(self, part: int, documents: int) -> None:
        """So many documents of the part are done."""
        self._done[part] = documents

    def all(self) -> dict[int, int]:
        """Documents that are done, by the number of the part."""
        return self._done


class Reporter:
    """Turns counts of parts into steps of the progress bar, each document counted once."""

    def __init__(self, parts: list[Part], progress: Progress) -> None:
        self._sizes = {part.number: part.stop - part.start for part in parts}
        self._reported = dict.fromkeys(self._sizes, 0)
        self._finished: set[int] = set()
        self._progress = progress
        self._lock = threading.Lock()

    def update(self, counts: dict[int, int]) -> None:
        """Take counts of unfinished parts; one that is encoded again counts from 0."""
        with self._lock:
            for number, done in counts.items():
                if number not in self._finished:
                    self._step(number, done)

    def finish(self, number: int) -> None:
        """The part is done."""
        with self._lock:
            self._finished.add(number)
            self._step(number, self._sizes[number])

    def _step(self, number: int, done: int) -> None:
        self._progress(done - self._reported[number])
        self._reported[number] = done


@contextmanager
def following(ray: Any, counts: Any, reporter: Reporter) -> Iterator[None]:
    """Ask for the counts twice a second while the parts are encoded."""
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(_LOOK_SECONDS):
            with suppress(ray.exceptions.RayError):
                reporter.update(ray.get(counts.all.remote(), timeout=_LOOK_SECONDS))

    thread = threading.Thread(target=follow, name="ray progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(2 * _LOOK_SECONDS)
