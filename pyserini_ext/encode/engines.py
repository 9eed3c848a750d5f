"""Who encodes the parts: this process, several on this machine, or a Ray cluster.

An engine yields the records of finished parts in any order and calls ``progress`` with numbers of
documents. All give the same bytes; see :class:`PartEncoder`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pyserini_ext.encode.journal import Journal
from pyserini_ext.encode.options import EncodeOptions
from pyserini_ext.encode.part_encoder import PartEncoder, Progress, open_encoder
from pyserini_ext.encode.parts import Part
from pyserini_ext.encode.scan import CorpusScan
from pyserini_ext.folders.manifest import PartRecord
from pyserini_ext.folders.state import journal_folder, parts_folder


class Engine(Protocol):
    """Encodes parts into files of a folder."""

    def encode(self, parts: list[Part], progress: Progress) -> Iterator[PartRecord]:
        """Yield a record of every part, in any order, when its file is in place."""
        ...


class OneProcess:
    """Encodes in this process."""

    def __init__(
        self, options: EncodeOptions, scan: CorpusScan, folder: Path, journal: Path
    ) -> None:
        self.options, self.scan, self.folder, self.journal = options, scan, folder, journal

    def encode(self, parts: list[Part], progress: Progress) -> Iterator[PartRecord]:
        """Yield records in order."""
        encoder = open_encoder(self.options)
        journal = Journal(self.journal)
        part_encoder = PartEncoder(self.options, self.scan, self.folder, journal, encoder)
        yield from part_encoder.encode(parts, progress)


def choose_engine(options: EncodeOptions, scan: CorpusScan, output: Path) -> Engine:
    """The engine that the options ask for; without ``--workers``, one worker a GPU."""
    folder, journal = parts_folder(output), journal_folder(output)
    if options.engine == "ray":
        from pyserini_ext.encode.ray_engine import RayEngine

        return RayEngine(options, scan, folder, journal)
    count = options.workers or default_workers(options)
    if count > 1:
        from pyserini_ext.encode.workers import Workers

        return Workers(options, scan, folder, journal, count)
    return OneProcess(options, scan, folder, journal)


def default_workers(options: EncodeOptions) -> int:
    """One a GPU where no device is named, else one."""
    import torch

    if options.named_device is not None or not torch.cuda.is_available():
        return 1
    count = torch.cuda.device_count()
    if count > 1:
        print(f"Using {count} GPUs, one process each (--device names one).", file=sys.stderr)
    return count
