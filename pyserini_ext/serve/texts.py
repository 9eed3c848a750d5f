"""The texts of documents: stored in a Lucene index, one document a record of JSON.

Pyserini's servers take the texts of an index of vectors from another index, of words. Such an index
is built here from a corpus by Pyserini's own command, so it also answers BM25.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from llm_encoders.corpora import open_corpus
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.atomic import atomic_file, write_atomically
from llm_encoders.jobs.lock import locked
from llm_encoders.reading import read_record
from pyserini_ext import commands
from pyserini_ext.bridge import faults
from pyserini_ext.encode.scan import scan_corpus
from pyserini_ext.serve.batching import GATE
from pyserini_ext.serve.found import FoundIndex

CORPUS_NAME = "corpus.json"
"""In the folder of texts: number and digest of the documents, as an encode command counts them."""
_WINDOW = 65536
_TEXTS = "texts"


def texts_folder(index: Path) -> Path:
    """Where the texts of an index are looked for, and built, unless another folder is named."""
    folder = index.resolve()
    return folder.with_name(f"{folder.name}.texts")


class Texts:
    """The stored records of documents. May be used by any number of threads.

    Args:
        folder: of a Lucene index.

    Raises:
        EncoderError: there is none, or it stores no records.
    """

    def __init__(self, folder: Path) -> None:
        from pyserini.search.lucene import LuceneSearcher

        self.folder = folder
        with GATE, faults.lucene_index(folder):
            self._searcher = LuceneSearcher(str(folder))
            first = self._searcher.doc(0)
        if first is None or first.raw() is None:
            raise EncoderError(
                f"The Lucene index {folder} does not store the documents. Build it again with "
                "--storeRaw, or name another one with --texts."
            )

    def raw(self, docids: list[str]) -> dict[str, str]:
        """The records of documents, without vectors.

        Raises:
            EncoderError: a document is not there.
        """
        with GATE:
            found = self._searcher.batch_doc(list(dict.fromkeys(docids)), 1)
            records = {docid: document.raw() for docid, document in found.items()}
        for docid in docids:
            if docid not in records:
                raise EncoderError(f"There is no document {docid} among the texts {self.folder}.")
        return {docid: _without_vector(raw) for docid, raw in records.items()}


def _without_vector(raw: str) -> str:
    if '"vector"' not in raw:
        return raw
    try:
        record = json.loads(raw)
    except ValueError:
        return raw
    if isinstance(record, dict):
        record.pop("vector", None)
    return json.dumps(record, ensure_ascii=False)


def stores_texts(index: FoundIndex) -> bool:
    """Whether a Lucene index stores its documents, as ``--storeRaw`` makes it."""
    if index.kind != "impact":
        return False
    try:
        Texts(index.folder)
    except EncoderError:
        return False
    return True


def find_texts(
    indexes: list[FoundIndex], named: Path | None, corpus: str | None, threads: int
) -> Path:
    """The folder of texts for indexes, built if a corpus is named.

    Args:
        indexes: that are served, all of one corpus.
        named: of ``--texts``.
        corpus: of ``--corpus``.
        threads: to build with.

    Raises:
        UsageError: there are none, or those of another corpus.
        EncoderError: the corpus is faulty.
    """
    usual = texts_folder(indexes[0].folder)
    folder = named or usual
    if corpus is not None and not folder.exists():
        _build(folder, corpus, indexes, threads)
    elif named is not None and not folder.exists():
        raise UsageError(f"There is no folder {folder}. Build it by naming a --corpus as well.")
    elif not folder.exists():
        if len(indexes) == 1 and stores_texts(indexes[0]):
            return indexes[0].folder
        raise UsageError(
            f"The texts of the documents of {indexes[0].folder} are not known. Name the corpus "
            f"with --corpus: they are then kept in {usual}. Or name a Lucene index that stores "
            "them with --texts; or serve ids and scores only, with --no-texts."
        )
    stored = read_record(folder / CORPUS_NAME)
    if corpus is not None and not all(index.corpus for index in indexes):
        _require_texts_of(corpus, folder, stored)
    for index in indexes:
        require_same_corpus(index.folder, index.corpus, stored, f"The folder of texts {folder}")
    return folder


def _require_texts_of(corpus: str, folder: Path, stored: dict[str, Any]) -> None:
    """Refuse texts that were there already and are not known to be those of the named corpus."""
    if stored != _known(scan_corpus(open_corpus(corpus), _WINDOW, lambda fault: None)):
        raise UsageError(
            f"{folder} is there already, and not with the texts of {corpus}. Remove it, or name "
            "another folder with --texts; or leave --corpus out, and it is used as it is."
        )


def _known(scan: Any) -> dict[str, Any]:
    return {"documents": scan.documents, "content": scan.digest}


def _build(folder: Path, corpus: str, indexes: list[FoundIndex], threads: int) -> None:
    """Build the folder; it is there whole or not at all."""
    building = folder.with_name(f".{folder.name}.building")
    building.mkdir(parents=True, exist_ok=True)
    with locked(building / "lock", f"Another command is building {folder}; wait for it."):
        shutil.rmtree(building / _TEXTS, ignore_errors=True)  # of a run that was killed
        try:
            _write_index(building, corpus, indexes, threads)
            os.replace(building / _TEXTS, folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def _write_index(building: Path, corpus: str, indexes: list[FoundIndex], threads: int) -> None:
    opened = open_corpus(corpus)
    scan = scan_corpus(opened, _WINDOW, lambda fault: None)
    if not scan.documents:
        raise EncoderError(f"No documents in {corpus}.")
    known = _known(scan)
    for index in indexes:
        require_same_corpus(index.folder, index.corpus, known, f"The corpus {corpus}")
    if scan.faults:
        print(f"{scan.faults} faulty documents of {corpus} are left out.", file=sys.stderr)
    print(f"Storing the texts of {scan.documents:,} documents …", file=sys.stderr, flush=True)
    (building / "corpus").mkdir(exist_ok=True)
    with atomic_file(building / "corpus" / "corpus.jsonl") as stream:
        for document in scan.documents_from(opened, 0):
            record: dict[str, Any] = {"id": document.id, "contents": document.contents}
            if document.title:
                record["title"] = document.title
            stream.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
    words = ["--collection", "JsonCollection", "--input", "corpus", "--index", _TEXTS]
    words += ["--generator", "DefaultLuceneDocumentGenerator", "--threads", str(threads)]
    commands.run("pyserini.index.lucene", *words, "--storeRaw", folder=building)
    write_atomically(building / _TEXTS / CORPUS_NAME, json.dumps(known) + "\n")


def require_same_corpus(
    folder: Path, corpus: dict[str, Any], texts: dict[str, Any], what: str
) -> None:
    """Refuse texts that are not those of the documents of an index; unrecorded ones pass.

    Args:
        folder: of the index, for the message.
        corpus: number and digest of the documents that were encoded, if recorded.
        texts: those of the texts, if recorded.
        what: where the texts are, for the message.

    Raises:
        UsageError: they differ.
    """
    if not texts or not corpus or texts == corpus:
        return
    counts = [one.get("documents") for one in (texts, corpus)]
    differ = "other texts" if counts[0] == counts[1] else f"{counts[0]} documents"
    raise UsageError(
        f"{what} has {differ}; {folder} was made from {counts[1]}. Name the corpus that was "
        "encoded. If that was read with --fields of its own, index its texts with python -m "
        "pyserini.index.lucene … --storeRaw and name that index with --texts."
    )
