"""What the parts become: JSONL and npz stay parts, FAISS and Lucene are assembled out of them."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import numpy as np

from llm_encoders.errors import EncoderError
from llm_encoders.jobs.atomic import naming, write_atomically
from pyserini_ext.encode.parts import read_npz
from pyserini_ext.folders.contract import CONTRACT_NAME, write_contract
from pyserini_ext.folders.folder import VOCABULARY_NAME
from pyserini_ext.folders.manifest import Manifest, PartRecord, fault_of
from pyserini_ext.folders.publish import publish
from pyserini_ext.folders.state import (
    building_folder,
    manifest_path,
    parts_folder,
    remove_folder,
)


class Output:
    """Parts that stay parts: JSONL, or npz with the terms of its columns in a file of their own.

    As a context manager it lets go of what it holds open.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts_folder = parts_folder(folder)
        self.building = building_folder(folder)

    def done(self, manifest: Manifest) -> set[int]:
        """Numbers of the parts that need not be encoded (again)."""
        for record in manifest.parts.values():  # recorded, but not moved before a kill
            waiting = self.parts_folder / record.file
            if waiting.exists() and fault_of(waiting, record.sha256) is None:
                self.accept(record)
        return set(manifest.keep_valid_parts(self.folder))

    def accept(self, record: PartRecord) -> None:
        """A part file is written and recorded."""
        os.replace(self.parts_folder / record.file, self.folder / record.file)

    def finish(self, manifest: Manifest) -> None:
        """All parts are in place."""

    def __enter__(self) -> Self:
        self.parts_folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is open."""


class NpzOutput(Output):
    """CSR (or dense) ``.npz`` parts, and the terms of the columns, one a line."""

    def __init__(self, folder: Path, vocabulary: list[str]) -> None:
        super().__init__(folder)
        self._vocabulary = vocabulary

    def finish(self, manifest: Manifest) -> None:
        """Write the vocabulary."""
        if self._vocabulary:
            self.building.mkdir(exist_ok=True)
            text = "".join(f"{term}\n" for term in self._vocabulary)
            write_atomically(self.building / VOCABULARY_NAME, text)
            publish(self.building, self.folder, [VOCABULARY_NAME], manifest)


class FaissOutput(Output):
    """A FAISS flat inner-product index as Pyserini reads it: ``index`` and ``docid``."""

    def done(self, manifest: Manifest) -> set[int]:
        """Parts whose files wait for the index."""
        return set(manifest.keep_valid_parts(self.parts_folder))

    def accept(self, record: PartRecord) -> None:
        """Parts are read once all are there."""

    def finish(self, manifest: Manifest) -> None:
        """Write the vectors of all parts, one part in memory at a time, and the ids."""
        from pyserini_ext.indexes.faiss import write_flat_index

        self.building.mkdir(exist_ok=True)
        records = [manifest.parts[number] for number in sorted(manifest.parts)]
        count = sum(record.documents for record in records)

        def blocks(docids: Any) -> Iterator[np.ndarray]:
            for record in records:
                ids, vectors = read_npz(self.parts_folder / record.file)
                docids.writelines(f"{docid}\n" for docid in ids)
                yield vectors

        dimension = manifest.fingerprint["encoder"]["dimension"]
        docid_file = self.building / "docid"
        try:
            with naming(docid_file), docid_file.open("w", encoding="utf-8") as docids:
                write_flat_index(self.building / "index", blocks(docids), count, dimension)
        except OSError:  # a full disk: what was written is of no use
            remove_folder(self.building)
            raise
        # A folder without index is no index, so it comes last.
        write_contract(self.building, manifest.encoder)
        publish(self.building, self.folder, ["docid", CONTRACT_NAME, "index"], manifest)


class LuceneOutput(Output):
    """A Lucene impact index; parts go into it in order while later ones are encoded.

    A commit carries the number of the part that comes next, so a part is in the index if and only
    if its number is lower, whenever the run was stopped.
    """

    def __init__(self, folder: Path, vocabulary: list[str], numbers: Iterable[int]) -> None:
        super().__init__(folder)
        self._vocabulary = vocabulary
        self._order = sorted(numbers)
        self._waiting: dict[int, PartRecord] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="indexing")
        self._pending: list[Future[None]] = []
        self._writer: Any = None
        self._failed = False

    def done(self, manifest: Manifest) -> set[int]:
        """Parts in the index, and parts whose files wait for it."""
        self._open()
        committed = int(self._writer.progress.get("next part", self._order[0]))
        indexed = {number for number in self._order if number < committed}
        if not indexed <= manifest.parts.keys():
            raise EncoderError(
                f"{self.building} holds parts that {manifest_path(self.folder)} does not list; "
                "give --overwrite to start again."
            )
        self._order = [number for number in self._order if number >= committed]
        waiting = manifest.keep_valid_parts(self.parts_folder, committed)
        for number in sorted(waiting):
            self.accept(waiting[number])
        return indexed | set(waiting)

    def accept(self, record: PartRecord) -> None:
        """Index the part as soon as all before it are."""
        for future in [future for future in self._pending if future.done()]:
            future.result()
            self._pending.remove(future)
        self._waiting[record.number] = record
        while self._order and self._order[0] in self._waiting:
            number = self._order.pop(0)
            self._pending.append(self._pool.submit(self._index, self._waiting.pop(number)))

    def _open(self) -> None:
        from pyserini_ext.indexes.lucene import LuceneImpactWriter

        if self._writer is None:
            self._writer = LuceneImpactWriter(self.building).__enter__()

    def _index(self, record: PartRecord) -> None:
        if self._failed:  # a later commit would claim that this part's predecessor is in
            return
        try:
            self._add(record)
        except BaseException:
            self._failed = True
            raise

    def _add(self, record: PartRecord) -> None:
        ids, impacts = read_npz(self.parts_folder / record.file)
        self._writer.add(ids, impacts, self._vocabulary)
        self._writer.commit({"next part": str(record.number + 1)})
        (self.parts_folder / record.file).unlink()

    def finish(self, manifest: Manifest) -> None:
        """Wait for the last part and put the index in place."""
        for future in self._pending:
            future.result()
        self._close(None)
        from pyserini_ext.indexes.lucene import lucene_file_names

        write_contract(self.building, manifest.encoder)
        publish(self.building, self.folder, lucene_file_names(self.building), manifest)

    def __exit__(self, *error: Any) -> None:
        self._close(error[0])

    def _close(self, error_type: type[BaseException] | None) -> None:
        self._pool.shutdown(cancel_futures=True)
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.__exit__(error_type, None, None)
