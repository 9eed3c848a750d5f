"""The vectors of unfinished parts, kept next to the output, so that a kill costs little computing.

Batches that are done go to a file of the journal every few seconds. A run that is resumed takes
their vectors from there; the rest of a window forms the same batches as without the kill, because
batches are cut off the longest texts first and none depends on those before it. So the output has
the same bytes.
"""

import io
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array, vstack

from llm_encoders.jobs.atomic import write_atomically
from pyserini_ext.folders.state import BATCH_TOKENS_NAME

FLUSH_SECONDS = 20.0
"""Seconds of computing that a kill costs at most, in addition to the current batch."""


class Journal:
    """What one encoder has done of the part it is at.

    Args:
        folder: of the journals of all encoders of a run, inside the folder of its record.
        seconds: between two files.
    """

    def __init__(self, folder: Path, seconds: float | None = None) -> None:
        self._folder = folder
        self._seconds = FLUSH_SECONDS if seconds is None else seconds
        self._part = -1
        self._new: list[Entries] = []
        self._known: list[Entries] = []
        self._sequence = 0
        self._flushed = time.monotonic()

    def settle_batch_tokens(self, chosen: int) -> int:
        """The token budget of the run: the first encoder's choice, which all others follow.

        Free memory, which it is chosen by on a GPU, differs from start to start; the batches and
        with them the last bits of vectors must not.
        """
        path = self._folder.parent / BATCH_TOKENS_NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        proposal = path.with_name(f".{path.name}.{os.getpid()}")
        proposal.write_text(str(chosen), encoding="utf-8")
        try:
            os.link(proposal, path)  # takes the name only if nobody has it
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            if not path.exists():
                os.replace(proposal, path)
        finally:
            proposal.unlink(missing_ok=True)
        text = path.read_text(encoding="utf-8", errors="replace")
        return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 10 else chosen

    def lower_batch_tokens(self, value: int) -> None:
        """Note that memory ran out, so that a resumed run need not find out again."""
        write_atomically(self._folder.parent / BATCH_TOKENS_NAME, str(value))

    def begin(self, part: int) -> None:
        """Turn to a part; what an earlier run has kept of it is known from now on."""
        self._part, self._new, self._known = part, [], []
        self._folder.mkdir(parents=True, exist_ok=True)
        files = _files(self._folder, part)
        self._sequence = 1 + max((int(path.name.split(".")[1]) for path in files), default=0)
        for path in files:
            entries = _read(path)
            if entries is None:  # damaged: its documents are encoded again
                path.unlink(missing_ok=True)
            else:
                self._known.append(entries)
        self._flushed = time.monotonic()

    def known(self, first: int, last: int) -> list["Entries"]:
        """What is kept of the documents with numbers from ``first`` to before ``last``."""
        found = [entries.between(first, last) for entries in self._known]
        return [entries for entries in found if len(entries.numbers)]

    def add(self, entries: "Entries") -> None:
        """Keep a batch; on the disk at the latest when the interval is over."""
        self._new.append(entries)
        if time.monotonic() - self._flushed >= self._seconds:
            self.flush()

    def flush(self) -> None:
        """Write what is not on the disk yet."""
        if self._new:
            name = f"{self._part:05d}.{self._sequence:06d}.{os.getpid()}.npz"
            write_atomically(self._folder / name, _bytes(self._new))
            self._sequence += 1
            self._new = []
        self._flushed = time.monotonic()

    def drop(self) -> None:
        """The part is written; its batches need not go to the disk any more."""
        self._new, self._known = [], []


class Entries:
    """Vectors of some documents.

    Attributes:
        numbers: int64, of the documents in the whole corpus.
        vectors: one row each: int32 impacts as csr_array, or float32 [n, dimension].
        faulty: bool, whether the activations were NaN or infinite.
    """

    def __init__(self, numbers: np.ndarray, vectors: Any, faulty: np.ndarray) -> None:
        self.numbers, self.vectors, self.faulty = numbers, vectors, faulty

    def between(self, first: int, last: int) -> "Entries":
        """Those of a range of documents."""
        rows = np.flatnonzero((self.numbers >= first) & (self.numbers < last))
        return Entries(self.numbers[rows], self.vectors[rows], self.faulty[rows])


def joined(entries: list[Entries]) -> Entries:
    """Entries in one, sorted by number, each number once."""
    numbers = np.concatenate([e.numbers for e in entries])
    faulty = np.concatenate([e.faulty for e in entries])
    parts = [e.vectors for e in entries]
    sparse = isinstance(parts[0], csr_array)
    vectors = vstack(parts, format="csr") if sparse else np.concatenate(parts)
    _, order = np.unique(numbers, return_index=True)
    return Entries(numbers[order], vectors[order], faulty[order])


def forget_part(folder: Path, part: int) -> None:
    """Remove the journal of a part that is recorded."""
    for path in _files(folder, part):
        path.unlink(missing_ok=True)


def _files(folder: Path, part: int) -> list[Path]:
    return sorted(folder.glob(f"{part:05d}.[0-9]*.[0-9]*.npz"))


def _bytes(entries: list[Entries]) -> bytes:
    together = joined(entries)
    arrays: dict[str, Any] = {"numbers": together.numbers, "faulty": together.faulty}
    if isinstance(together.vectors, csr_array):
        vectors = together.vectors
        arrays |= {"data": vectors.data, "indices": vectors.indices, "indptr": vectors.indptr}
        arrays["shape"] = np.array(vectors.shape)
    else:
        arrays["vectors"] = together.vectors
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _read(path: Path) -> Entries | None:
    """``None`` where the file is damaged: each of its arrays has a checksum."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if "vectors" in arrays:
                vectors: Any = arrays["vectors"]
            else:
                content = (arrays["data"], arrays["indices"], arrays["indptr"])
                vectors = csr_array(content, shape=tuple(arrays["shape"].tolist()))
            return Entries(arrays["numbers"], vectors, arrays["faulty"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
