"""Worker processes on one machine.

The coordinator starts ``python -m pyserini_ext.encode.worker`` and exchanges JSON lines with it:
job and part numbers go in, progress and part records come out. A worker that dies is replaced, and
its parts are given out again; one whose coordinator dies sees the end of its input and stops.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llm_encoders.devices import or_cpu
from llm_encoders.errors import RESUMABLE, EncoderError, UsageError
from pyserini_ext.encode.options import EncodeOptions
from pyserini_ext.encode.part_encoder import Progress
from pyserini_ext.encode.parts import Part
from pyserini_ext.encode.scan import CorpusScan
from pyserini_ext.folders.manifest import PartRecord

_AHEAD = 2  # parts a worker has at a time, so that it reads the next while it encodes one
_MAX_DEATHS = 3


class Workers:
    """Encodes in ``count`` processes, on the GPUs in turn or sharing the CPU's cores."""

    def __init__(
        self, options: EncodeOptions, scan: CorpusScan, folder: Path, journal: Path, count: int
    ) -> None:
        self.options, self.scan, self.folder, self.journal = options, scan, folder, journal
        self.count = count

    def encode(self, parts: list[Part], progress: Progress) -> Iterator[PartRecord]:
        """Yield records as parts are finished.

        Raises:
            EncoderError: what a worker reports, or several died.
        """
        waiting = deque(parts)
        messages: queue.Queue[tuple[_Worker, dict[str, Any]]] = queue.Queue()
        devices = _devices(self.options, self.count)
        workers = [self._start(device, messages) for device in devices[: len(parts)]]
        deaths = 0
        try:
            for worker in workers:
                worker.give(waiting)
            left = len(parts)
            while left:
                worker, message = messages.get()
                if "progress" in message:
                    worker.reported += message["progress"]
                    progress(message["progress"])
                elif "record" in message:
                    record = PartRecord(**message["record"])
                    worker.finished(record.number)
                    worker.give(waiting)
                    left -= 1
                    deaths = 0
                    yield record
                elif "error" in message:
                    error_class = UsageError if message["code"] == 2 else EncoderError
                    raise error_class(message["error"])
                else:
                    deaths += 1
                    if deaths > _MAX_DEATHS:
                        raise EncoderError(
                            f"{deaths} workers died (the last with exit code {worker.code()}); is "
                            f"there enough memory? {RESUMABLE}"
                        )
                    print(
                        f"A worker died; its {len(worker.held)} parts are encoded again.",
                        file=sys.stderr,
                    )
                    progress(-worker.reported)
                    waiting.extendleft(reversed(worker.held))
                    workers.remove(worker)
                    workers.append(self._start(worker.device, messages))
                    for free in workers:
                        free.give(waiting)
        finally:
            for worker in workers:
                worker.stop()

    def _start(self, device: str | None, messages: "queue.Queue[Any]") -> "_Worker":
        on_gpu = device is not None and device.startswith("cuda")
        job = {
            "options": asdict(self.options) | {"device": device},
            "scan": self.scan.to_json(),
            "folder": str(self.folder),
            "journal": str(self.journal),
            "threads": None if on_gpu else max(1, _cores() // self.count),
        }
        return _Worker(job, device, messages)


def _devices(options: EncodeOptions, count: int) -> list[str | None]:
    """A device a worker: the one that was named, else the GPUs in turn, else none in particular."""
    import torch

    named = or_cpu(options.named_device)
    if named is None and torch.cuda.is_available():
        return [f"cuda:{i % torch.cuda.device_count()}" for i in range(count)]
    return [named] * count


def _cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class _Worker:
    """One process, and the thread that reads what it says."""

    def __init__(
        self, job: dict[str, Any], device: str | None, messages: "queue.Queue[Any]"
    ) -> None:
        self.device = device
        self.held: list[Part] = []
        self.reported = 0
        """Documents of the parts it holds that were counted as done."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pyserini_ext.encode.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(job)
        threading.Thread(target=self._listen, args=(messages,), daemon=True).start()

    def _listen(self, messages: "queue.Queue[Any]") -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                messages.put((self, json.loads(line)))
        except ValueError:
            pass  # it died in the middle of a line
        messages.put((self, {}))

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it died, which the listening thread reports

    def give(self, waiting: "deque[Part]") -> None:
        """Hand over parts until it has enough."""
        while waiting and len(self.held) < _AHEAD:
            part = waiting.popleft()
            self.held.append(part)
            self._say(asdict(part))

    def finished(self, number: int) -> None:
        """The part is in place."""
        (part,) = [part for part in self.held if part.number == number]
        self.held.remove(part)
        self.reported -= part.stop - part.start

    def code(self) -> int:
        """Exit code of a dead process."""
        return self._process.wait()

    def stop(self) -> None:
        """End the process; what it has begun is encoded again later."""
        self._process.kill()
        self._process.wait()
