"""One reading of the corpus before anything is encoded: faults, repeated ids, where to enter."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import IO, Any, Self

import numpy as np
from tqdm import tqdm

from llm_encoders.corpora import Corpus, CorpusError, Document, Position
from llm_encoders.corpora.repeats import BUCKETS, RECORD, id_record, repeated, repeated_id

_SPOOL_BYTES = 2**21  # of a bucket's records stay in memory; a larger one goes to disk


@dataclass
class CorpusScan:
    """What the reading found; enough to enter the corpus at every window without reading on."""

    fingerprint: list[Any]
    """Of :meth:`Corpus.fingerprint`."""
    window: int
    """Documents between two entries."""
    documents: int = 0
    """Good documents."""
    digest: str = ""
    """SHA-256 over ids, titles, texts and contents, in order."""
    windows: list[str] = field(default_factory=list)
    """The same of every window alone (BLAKE2b), to be compared when it is read again."""
    faults: int = 0
    entries: list[Position] = field(default_factory=list)
    """Where document 0, ``window``, 2 * ``window``, … begins."""
    repeated: list[tuple[int, int]] = field(default_factory=list)
    """(file, line) of documents whose id was given before."""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """From plain values.

        Raises:
            TypeError, ValueError: they are no scan, or one of an earlier version.
        """
        scan = cls(**values)
        numbers = (scan.window, scan.documents, scan.faults)
        if not all(isinstance(number, int) for number in numbers) or scan.window < 1:
            raise ValueError("the numbers of a corpus scan must be integers")
        if not len(scan.entries) == len(scan.windows) == -(-scan.documents // scan.window):
            raise ValueError("a corpus scan must have an entry and a digest for every window")
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

    def difference(self, corpus: Corpus, earlier: "CorpusScan") -> str:
        """Where an earlier scan of the corpus found something else, as part of a sentence."""
        found = zip(self.windows, earlier.windows, strict=False)
        same = next((n for n, (now, was) in enumerate(found) if now != was), None)
        if same is None or same >= len(self.entries):
            return f"it had {earlier.documents} documents, now {self.documents}"
        first = next(self.documents_from(corpus, same * self.window))
        return f"the documents from {first.place} on differ"


def content_digest(documents: Iterable[Document]) -> str:
    """BLAKE2b over ids, titles, texts and contents of a window's documents, in order."""
    digest = hashlib.blake2b(digest_size=16)
    for document in documents:
        digest.update(_content(document))
    return digest.hexdigest()


def _content(document: Document) -> bytes:
    """All of a document, unambiguously."""
    content = b""
    for part in (document.id, document.title, document.text, document.contents):
        field_bytes = (part or "").encode("utf-8", "surrogatepass")
        content += len(field_bytes).to_bytes(8, "little") + field_bytes
    return content


def scan_corpus(corpus: Corpus, window: int, on_fault: Callable[[CorpusError], None]) -> CorpusScan:
    """Read the whole corpus once (twice where ids repeat); memory does not grow with it.

    Every fault goes to ``on_fault``: unusable records in order, then repeated ids.
    """
    scan = CorpusScan(fingerprint=corpus.fingerprint(), window=window)

    def count_fault(fault: CorpusError) -> None:
        scan.faults += 1
        on_fault(fault)

    with _IdBuckets() as ids:
        _read(corpus, scan, count_fault, ids)
        scan.repeated = ids.repeated()
    if scan.repeated:
        _report_repeated(corpus, scan, count_fault)
        scan.documents, scan.entries, scan.windows = 0, [], []
        _read(corpus, scan, lambda fault: None, None)
    return scan


def _read(
    corpus: Corpus,
    scan: CorpusScan,
    on_fault: Callable[[CorpusError], None],
    ids: "_IdBuckets | None",
) -> None:
    digest = hashlib.sha256()
    window = hashlib.blake2b(digest_size=16)
    repeated = set(scan.repeated)
    documents = corpus.documents(on_fault)
    for position, document in tqdm(documents, unit="doc", desc="checking corpus"):
        if (position.file, position.line) in repeated:
            continue
        if scan.documents % scan.window == 0:
            if scan.entries:
                scan.windows.append(window.hexdigest())
                window = hashlib.blake2b(digest_size=16)
            scan.entries.append(position)
        scan.documents += 1
        content = _content(document)
        digest.update(content)
        window.update(content)
        if ids is not None:
            ids.add(document.id, position)
    if scan.entries:
        scan.windows.append(window.hexdigest())
    scan.digest = digest.hexdigest()


def _report_repeated(
    corpus: Corpus, scan: CorpusScan, on_fault: Callable[[CorpusError], None]
) -> None:
    repeated = set(scan.repeated)
    for position, document in corpus.documents(lambda fault: None):
        if (position.file, position.line) in repeated:
            on_fault(CorpusError(document.place, repeated_id(document.id)))


class _IdBuckets:
    """Finds repeated ids by 128-bit digests, one of sixteen buckets in memory at a time."""

    def __enter__(self) -> Self:
        self._files: list[IO[bytes]] = [
            tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115 (closed in __exit__)
            for _ in range(BUCKETS)
        ]
        return self

    def __exit__(self, *error: object) -> None:
        for file in self._files:
            file.close()

    def add(self, docid: str, position: Position) -> None:
        record = id_record(docid, position)
        self._files[record[0] % BUCKETS].write(record)

    def repeated(self) -> list[tuple[int, int]]:
        """(file, line) of every record but the first of an id, in order."""
        found: list[tuple[int, int]] = []
        for file in self._files:
            file.seek(0)
            found += repeated(np.frombuffer(file.read(), dtype=RECORD))
        return sorted(found)
