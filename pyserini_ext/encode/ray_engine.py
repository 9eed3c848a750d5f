"""Encoding on a Ray cluster: parts are rows of a dataset, encoders are actors of a pool.

All nodes must see the corpus, the model and the output folder under the same paths. Parts are
files put in place whole, so a part whose actor was killed is simply encoded again.
"""

import ctypes
import json
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llm_encoders import registry
from llm_encoders.errors import RESUMABLE, EncoderError, UsageError, system_error
from llm_encoders.spec import parse_spec
from pyserini_ext.encode.journal import Journal
from pyserini_ext.encode.options import EncodeOptions
from pyserini_ext.encode.part_encoder import Progress
from pyserini_ext.encode.parts import Part
from pyserini_ext.encode.ray_progress import Counts, Reporter, following
from pyserini_ext.encode.scan import CorpusScan
from pyserini_ext.folders.manifest import PartRecord

# An actor that takes a whole CPU each leaves none for the tasks that feed the pool, and the job
# hangs; half of one still lets no more actors onto a machine than twice its cores.
_CPUS = 0.5
_SIGACTION_BYTES = 512  # more than any platform's struct sigaction


class RayEngine:
    """Encodes with ``--workers`` actors (default: one a GPU of the cluster, else one)."""

    def __init__(
        self, options: EncodeOptions, scan: CorpusScan, folder: Path, journal: Path
    ) -> None:
        self.options, self.scan, self.folder, self.journal = options, scan, folder, journal

    def encode(self, parts: list[Part], progress: Progress) -> Iterator[PartRecord]:
        """Yield records as actors finish parts.

        Raises:
            UsageError: Ray is not installed.
            EncoderError: an actor reports an error, or dies too often.
        """
        ray = _connected()
        gpus = _gpus(ray, self.options)
        counts = ray.remote(Counts).options(num_cpus=0).remote()
        count = min(self.options.workers or max(1, gpus), len(parts))
        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)  # after the context, which resets it
        rows = ray.data.from_items([asdict(part) for part in parts], override_num_blocks=len(parts))
        records = rows.map_batches(
            _Actor,
            fn_constructor_args=(
                _with_absolute_paths(self.options),
                self.scan.to_json(),
                str(self.folder.absolute()),
                str(self.journal.absolute()),
                counts,
            ),
            batch_size=1,
            concurrency=count,
            num_cpus=_CPUS,
            num_gpus=1 if gpus else None,
        )
        reporter = Reporter(parts, progress)
        try:
            with following(ray, counts, reporter):
                for row in records.iter_rows():
                    if row["error"]:
                        raise EncoderError(row["error"])
                    record = PartRecord(**json.loads(row["record"]))
                    reporter.finish(record.number)
                    yield record
        except ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1]
            raise EncoderError(f"Ray gave up: {reason} {RESUMABLE}") from None


def dtype_of_actors(options: EncodeOptions) -> str:
    """The number format that suits the device of an actor, asked of one.

    Raises:
        UsageError: Ray is not installed.
        EncoderError: no actor can be started.
    """
    ray = _connected()
    gpus = 1 if _gpus(ray, options) else 0
    ask = ray.remote(_suitable_dtype).options(num_cpus=_CPUS, num_gpus=gpus)
    try:
        return str(ray.get(ask.remote(options.named_device)))
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise EncoderError(f"Ray gave up: {reason} {RESUMABLE}") from None


def _suitable_dtype(named_device: str | None) -> str:
    from llm_encoders.devices import choose_device, choose_dtype, dtype_name, or_cpu

    return dtype_name(choose_dtype(None, choose_device(or_cpu(named_device))))


def _connected() -> Any:
    """Ray, connected to its cluster or to one of its own on this machine."""
    try:
        import ray
    except ImportError:
        raise UsageError(
            "--engine ray needs Ray: pip install 'pyserini-llm-encoders[ray]'."
        ) from None
    if not ray.is_initialized():
        with _keeping_signal_actions():
            ray.init(log_to_driver=False, logging_level=logging.ERROR)
    return ray


def _gpus(ray: Any, options: EncodeOptions) -> int:
    """GPUs that actors are given, one each; none where a device is named."""
    return 0 if options.named_device else int(ray.cluster_resources().get("GPU", 0))


def _with_absolute_paths(options: EncodeOptions) -> dict[str, Any]:
    """Actors work in a folder of their own."""
    values = asdict(options)
    for name in ("corpus", "backbone"):
        if values[name] is not None and Path(values[name]).exists():
            values[name] = str(Path(values[name]).absolute())
    name, written = parse_spec(options.encoder)
    for key, value in written.items():
        if key == "backbone" and Path(value).exists():
            written[key] = str(Path(value).absolute())
    if registry.local_checkpoint(name):
        name = str(Path(name).absolute())
    values["encoder"] = ",".join([name, *(f"{key}={value}" for key, value in written.items())])
    return values


@contextmanager
def _keeping_signal_actions() -> Iterator[None]:
    """Undo Ray's handlers of fatal signals, which a running JVM needs for its own work."""
    libc = ctypes.CDLL(None)
    signals = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
    saved = {number: ctypes.create_string_buffer(_SIGACTION_BYTES) for number in signals}
    for number, action in saved.items():
        libc.sigaction(int(number), None, action)
    try:
        yield
    finally:
        for number, action in saved.items():
            libc.sigaction(int(number), action, None)


class _Actor:
    """One encoder; answers a part with the record of its file, or with an error."""

    def __init__(
        self,
        options: dict[str, Any],
        scan: dict[str, Any],
        folder: str,
        journal: str,
        counts: Any,
    ) -> None:
        from pyserini_ext.encode.part_encoder import PartEncoder, open_encoder

        loaded = EncodeOptions(**options)
        self._error = ""
        self._counts = counts
        try:
            self._encoder = PartEncoder(
                loaded,
                CorpusScan.from_json(scan),
                Path(folder),
                Journal(Path(journal)),
                open_encoder(loaded),
            )
        except EncoderError as error:
            self._error = str(error)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        records, errors = [], []
        for number, start, stop in zip(batch["number"], batch["start"], batch["stop"], strict=True):
            record, error = "", self._error
            if not error:
                part = Part(int(number), int(start), int(stop))
                try:
                    (made,) = self._encoder.encode([part], self._progress_of(part))
                    record = json.dumps(asdict(made))
                except EncoderError as fault:
                    error = str(fault)
                except OSError as fault:
                    error = str(system_error(fault))
            records.append(record)
            errors.append(error)
        return {"record": records, "error": errors}

    def _progress_of(self, part: Part) -> Progress:
        done = 0

        def progress(count: int) -> None:
            nonlocal done
            done += count
            self._counts.note.remote(part.number, done)

        return progress
