"""One reading of the corpus before anything is encoded: faults, repeated ids, where to enter."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import IO, Any, Self

import numpy as np
from tqdm import tqdm

from llm_encoders.corpora import Corpus, CorpusError, Document, Position

_BUCKETS = 16
_SPOOL_BYTES = 2**21  # of a bucket's records stay in memory; a larger one goes to disk
_RECORD = np.dtype([("low", "<u8"), ("high", "<u8"), ("file", "<u4"), ("line", "<u8")])


@dataclass
class CorpusScan:
    """What the reading found; enough to enter the corpus at every window without reading on."""

    stamp: list[Any]
    """Of :meth:`Corpus.stamp`."""
    window: int
    """Documents between two entries."""
    documents: int = 0
    """Good documents."""
    digest: str = ""
    """SHA-256 over ids, titles, texts and contents, in order."""
    faults: int = 0
    entries: list[Position] = field(default_factory=list)
    """Where document 0, ``window``, 2 * ``window``, … begins."""
    repeated: list[tuple[int, int]] = field(default_factory=list)
    """(file, line) of documents whose id occurs before."""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """From plain values."""
        scan = cls(**values)
        scan.entries = [Position(*entry) for entry in scan.entries]
        scan.repeated = [(file, line) for file, line in scan.repeated]
        return scan

    def documents_from(self, corpus: Corpus, first: int) -> Iterator[Document]:
        """The good documents from number ``first`` on, a multiple of the window."""
        repeated = set(self.repeated)
        entry = self.entries[first // self.window]
        for position, document in corpus.documents(lambda fault: None, entry):
            if not repeated or (position.file, position.line) not in repeated:
                yield document


def scan_corpus(corpus: Corpus, window: int, on_fault: Callable[[CorpusError], None]) -> CorpusScan:
    """Read the whole corpus once (twice where ids repeat); memory does not grow with it.

    Every fault goes to ``on_fault``: unusable records in order, then repeated ids.
    """
    scan = CorpusScan(stamp=corpus.stamp(), window=window)

    def count_fault(fault: CorpusError) -> None:
        scan.faults += 1
        on_fault(fault)

    with _IdBuckets() as ids:
        _read(corpus, scan, count_fault, ids)
        scan.repeated = ids.repeated()
    if scan.repeated:
        _report_repeated(corpus, scan, count_fault)
        scan.documents, scan.entries = 0, []
        _read(corpus, scan, lambda fault: None, None)
    return scan


def _read(
    corpus: Corpus,
    scan: CorpusScan,
    on_fault: Callable[[CorpusError], None],
    ids: "_IdBuckets | None",
) -> None:
    digest = hashlib.sha256()
    repeated = set(scan.repeated)
    documents = corpus.documents(on_fault)
    for position, document in tqdm(documents, unit="doc", desc="checking corpus"):
        if (position.file, position.line) in repeated:
            continue
        if scan.documents % scan.window == 0:
            scan.entries.append(position)
        scan.documents += 1
        for part in (document.id, document.title, document.text, document.contents):
            content = (part or "").encode("utf-8", "surrogatepass")
            digest.update(len(content).to_bytes(8, "little") + content)
        if ids is not None:
            ids.add(document.id, position)
    scan.digest = digest.hexdigest()


def _report_repeated(
    corpus: Corpus, scan: CorpusScan, on_fault: Callable[[CorpusError], None]
) -> None:
    repeated = set(scan.repeated)
    for position, document in corpus.documents(lambda fault: None):
        if (position.file, position.line) in repeated:
            on_fault(CorpusError(document.place, f"id '{document.id}' occurs before."))


class _IdBuckets:
    """Finds repeated ids by 128-bit digests, one of sixteen buckets in memory at a time."""

    def __enter__(self) -> Self:
        self._files: list[IO[bytes]] = [
            tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115 (closed in __exit__)
            for _ in range(_BUCKETS)
        ]
        return self

    def __exit__(self, *error: object) -> None:
        for file in self._files:
            file.close()

    def add(self, docid: str, position: Position) -> None:
        digest = hashlib.blake2b(docid.encode(), digest_size=16).digest()
        place = position.file.to_bytes(4, "little") + position.line.to_bytes(8, "little")
        self._files[digest[0] % _BUCKETS].write(digest + place)

    def repeated(self) -> list[tuple[int, int]]:
        """(file, line) of every record but the first of an id, in order."""
        found: list[tuple[int, int]] = []
        for file in self._files:
            file.seek(0)
            records = np.frombuffer(file.read(), dtype=_RECORD)
            order = np.lexsort((records["line"], records["file"], records["high"], records["low"]))
            records = records[order]
            same = (records["low"][1:] == records["low"][:-1]) & (
                records["high"][1:] == records["high"][:-1]
            )
            again = records[1:][same]
            found += zip(again["file"].tolist(), again["line"].tolist(), strict=True)
        return sorted(found)
