"""What the parts become: JSONL and npz stay parts, FAISS and Lucene are assembled out of them."""

import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import numpy as np

from llm_encoders.errors import EncoderError
from pyserini_ext.encode.parts import read_npz
from pyserini_ext.folders.folder import BUILDING_FOLDER, PARTS_FOLDER, VOCABULARY_NAME
from pyserini_ext.folders.manifest import Manifest, PartRecord
from pyserini_ext.folders.publish import publish
from pyserini_ext.folders.state import manifest_path


class Output:
    """Parts that stay parts: JSONL, or npz with the terms of its columns beside it.

    As a context manager it lets go of what it holds open.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts_folder = folder

    def done(self, manifest: Manifest) -> set[int]:
        """Numbers of the parts that need not be encoded (again)."""
        valid = manifest.valid_parts(self.parts_folder)
        manifest.parts = dict(valid)
        return set(valid)

    def accept(self, record: PartRecord) -> None:
        """A part file is in place."""

    def finish(self, manifest: Manifest) -> None:
        """All parts are in place."""

    def __enter__(self) -> Self:
        self.parts_folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is open."""

    def remove_parts(self) -> None:
        """Remove what is not needed once the output is in place: nothing."""


class NpzOutput(Output):
    """CSR (or dense) ``.npz`` parts, and the terms of the columns, one a line."""

    def __init__(self, folder: Path, vocabulary: list[str]) -> None:
        super().__init__(folder)
        self._vocabulary = vocabulary

    def finish(self, manifest: Manifest) -> None:
        """Write the vocabulary."""
        if self._vocabulary:
            building = self.folder / BUILDING_FOLDER
            building.mkdir(exist_ok=True)
            text = "".join(f"{term}\n" for term in self._vocabulary)
            (building / VOCABULARY_NAME).write_text(text, encoding="utf-8")
            publish(building, self.folder, [VOCABULARY_NAME], manifest)


class AssembledOutput(Output):
    """One index made of all parts, which are removed once it is in place."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.parts_folder = folder / PARTS_FOLDER
        self.building = folder / BUILDING_FOLDER

    def remove_parts(self) -> None:
        """The index has everything."""
        shutil.rmtree(self.parts_folder, ignore_errors=True)


class FaissOutput(AssembledOutput):
    """A FAISS flat inner-product index as Pyserini reads it: ``index`` and ``docid``."""

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
        with (self.building / "docid").open("w", encoding="utf-8") as docids:
            write_flat_index(self.building / "index", blocks(docids), count, dimension)
        # A folder without index is no index, so it comes last.
        publish(self.building, self.folder, ["docid", "index"], manifest)
        self.remove_parts()


class LuceneOutput(AssembledOutput):
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
                f"{self.building} holds more than {manifest_path(self.folder)} knows of; give "
                "--overwrite to start again."
            )
        self._order = [number for number in self._order if number >= committed]
        waiting = manifest.valid_parts(self.parts_folder, committed)
        manifest.parts = {n: p for n, p in manifest.parts.items() if n in indexed} | waiting
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

        publish(self.building, self.folder, lucene_file_names(self.building), manifest)
        self.remove_parts()

    def __exit__(self, *error: Any) -> None:
        self._close(error[0])

    def _close(self, error_type: type[BaseException] | None) -> None:
        self._pool.shutdown(cancel_futures=True)
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.__exit__(error_type, None, None)
