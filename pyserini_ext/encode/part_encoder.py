"""Encoding parts, one after another: read, tokenise ahead, encode, write."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from llm_encoders.corpora import Document
from llm_encoders.errors import EncoderError, UsageError
from pyserini_ext.encode.journal import Entries, Journal, joined
from pyserini_ext.encode.options import EncodeOptions
from pyserini_ext.encode.parts import Part, PartFile, create_part
from pyserini_ext.encode.prefetch import prefetched
from pyserini_ext.encode.scan import CorpusScan, content_digest
from pyserini_ext.folders.manifest import PartRecord

Progress = Callable[[int], None]
Window = tuple[Part, int, list[Document], list[list[int]]]


class PartEncoder:
    """An encoder, a corpus and a folder for parts.

    Texts are batched within windows that begin at multiples of the window size in the whole
    corpus. So the bytes of a vector depend on neither parts nor shards nor who encodes them.

    Args:
        options: of the command.
        scan: of the corpus.
        folder: where part files go.
        journal: keeps what is done of a part.
        encoder: loaded by :func:`open_encoder`.
    """

    def __init__(
        self,
        options: EncodeOptions,
        scan: CorpusScan,
        folder: Path,
        journal: Journal,
        encoder: Any,
    ) -> None:
        self.options = options
        self.scan = scan
        self.folder = folder
        self.journal = journal
        self.encoder = encoder
        self.corpus = options.open_corpus()
        if options.batch_tokens is None:
            encoder.batch_tokens = journal.settle_batch_tokens(encoder.batch_tokens)

    def encode(self, parts: Iterable[Part], progress: Progress) -> Iterator[PartRecord]:
        """Encode parts in turn and yield a record of each when its file is written.

        Args:
            parts: taken as they come; one or two are asked for ahead.
            progress: called after every batch with the number of documents in it.

        Raises:
            EncoderError: NaN or infinite activations (unless ``on_error`` is ``"skip"``), or
                documents that the corpus scan did not find.
        """
        vocabulary = getattr(self.encoder, "vocabulary", [])
        file: PartFile | None = None
        record = PartRecord(-1, "", 0, "")
        progress(0)  # the encoder is loaded
        try:
            for part, first, documents, token_ids in prefetched(self._windows(parts)):
                if file is None:
                    file = create_part(
                        self.folder, part.number, self.options.part_format, vocabulary
                    )
                    record = PartRecord(part.number, file.path.name, 0, "")
                    self.journal.begin(part.number)
                last = first + len(documents)
                wanted = range(max(part.start, first) - first, min(part.stop, last) - first)
                entries = self._encode(first, documents, token_ids, wanted, progress)
                kept, vectors = self._keep(entries, first, documents, record)
                file.add(kept, vectors)
                record.documents += len(kept)
                if last >= part.stop:
                    record.sha256 = file.finish()
                    file = None
                    self.journal.drop()
                    yield record
        finally:
            if file is not None:
                file.discard()
            self.journal.flush()  # also of what an error or Ctrl-C stopped

    def _windows(self, parts: Iterable[Part]) -> Iterator[Window]:
        """Number of the first document, documents and their tokens of all windows of the parts."""
        size, total = self.scan.window, self.scan.documents
        stream: Iterator[Document] = iter(())
        ahead = -1  # number of the document that the stream gives next
        for part in parts:
            first = part.start // size * size
            if ahead < 0 or first < ahead or (first > ahead and self.corpus.seekable):
                stream = self.scan.documents_from(self.corpus, first)
            elif first > ahead:  # reading on is cheaper than reading all that comes before
                next(islice(stream, first - ahead, first - ahead), None)
            while first < part.stop:
                documents = list(islice(stream, size))
                if len(documents) != min(size, total - first):
                    raise self._changed(first, documents)
                if content_digest(documents) != self.scan.windows[first // size]:
                    raise self._changed(first, documents)
                yield part, first, documents, self._token_ids(documents)
                first += size
            ahead = first

    def _changed(self, first: int, documents: list[Document]) -> EncoderError:
        place = f"from {documents[0].place} on " if documents else ""
        return EncoderError(
            f"{self.corpus.name} was changed while it was encoded: document number {first + 1:,} "
            f"and those after it {place}are not what the corpus scan found. Restore the corpus and "
            "run the same command again, or give --overwrite to encode it as it is now."
        )

    def _token_ids(self, documents: list[Document]) -> list[list[int]]:
        found: list[list[int]] = self.encoder.document_token_ids(
            [document.text for document in documents],
            [document.title for document in documents],
            self.options.max_length,
            self.options.add_sep,
        )
        return found

    def _encode(
        self,
        first: int,
        documents: list[Document],
        token_ids: list[list[int]],
        wanted: range,
        progress: Progress,
    ) -> Entries:
        """Vectors of a window, as far as it is wanted: from the journal, or batch by batch."""
        import torch

        def report(entries: Entries) -> None:
            rows = entries.numbers - first
            progress(int(((rows >= wanted.start) & (rows < wanted.stop)).sum()))

        found = self.journal.known(first, first + len(documents))
        for entries in found:
            report(entries)
        done = {number - first for entries in found for number in entries.numbers.tolist()}
        budget = self.encoder.batch_tokens
        try:
            for rows, vectors, faulty in self.encoder.document_batches(
                token_ids, only=wanted, done=done
            ):
                self._refuse_faulty(documents, set(faulty) & set(wanted))
                if isinstance(vectors, csr_array):
                    vectors = self.encoder.quantize(vectors)
                entries = Entries(np.array(rows) + first, vectors, np.isin(rows, faulty))
                if self.encoder.batch_tokens < budget:
                    budget = self.encoder.batch_tokens
                    self.journal.lower_batch_tokens(budget)
                self.journal.add(entries)
                found.append(entries)
                report(entries)
        except torch.OutOfMemoryError:
            raise EncoderError(
                f"{self.encoder.device} has too little memory for a single document: lower "
                "--max-length, or give --quantization 8bit or 4bit."
            ) from None
        together = joined(found)
        return together.between(first + wanted.start, first + wanted.stop)

    def _refuse_faulty(self, documents: list[Document], rows: set[int]) -> None:
        if rows and self.options.on_error == "stop":
            from llm_encoders.checkpoints.backbone_checks import not_finite_cure

            raise EncoderError(
                f"{self._fault(documents[min(rows)])}. {not_finite_cure(self.encoder.dtype)} Or "
                "leave such documents out with --on-error skip."
            )

    def _fault(self, document: Document) -> str:
        from llm_encoders.devices import dtype_name

        return (
            f"{document.place}: document '{document.id}': NaN or infinite activations in "
            f"{dtype_name(self.encoder.dtype)}"
        )

    def _keep(
        self, entries: Entries, first: int, documents: list[Document], record: PartRecord
    ) -> tuple[list[Document], Any]:
        """Documents and vectors without the faulty ones, which the record takes."""
        numbers = entries.numbers - first
        record.not_finite += [self._fault(documents[row]) for row in numbers[entries.faulty]]
        good = np.flatnonzero(~entries.faulty)
        vectors = entries.vectors[good]
        filled = np.diff(vectors.indptr) > 0 if isinstance(vectors, csr_array) else vectors.any(1)
        kept = [documents[row] for row in numbers[good].tolist()]
        for document, has_any in zip(kept, filled.tolist(), strict=True):
            if not has_any:
                record.add_empty(document.id)
        return kept, vectors


def open_encoder(options: EncodeOptions) -> Any:
    """Load the encoder that the options name; where its contract comes from, the command has said.

    Raises:
        EncoderError: it cannot be loaded, or options contradict it.
    """
    from llm_encoders import load_encoder
    from llm_encoders.checkpoints.announcement import unannounced
    from llm_encoders.devices import or_cpu

    with unannounced():
        encoder = load_encoder(
            options.encoder,
            device=or_cpu(options.named_device),
            dtype=options.dtype,
            backbone=options.backbone,
            paradigm=options.paradigm,
            quantization=options.quantization,
        )
    encoder.batch_size = options.batch_size
    if options.batch_tokens is not None:
        encoder.batch_tokens = options.batch_tokens
    if options.prefix is not None:
        encoder.replace_prefix("passage", options.prefix)
    dimension = getattr(encoder, "dimension", options.dimension)
    if options.dimension not in (None, dimension):
        raise UsageError(
            f"--dimension is {options.dimension}, but {encoder.name} has {dimension}; it can be "
            "left out."
        )
    if options.compile:
        encoder.compile()
    return encoder
