"""Writing a Lucene impact index without fake words: term frequencies as they are.

Anserini's own way repeats every term as often as its impact says. Here a document is handed over
as ``term<delimiter>impact`` words, which Lucene's ``delimitedTermFrequency`` filter turns into
postings with those frequencies. Fields and similarity are Anserini's, so that the stock
``LuceneImpactSearcher`` finds the same documents with the same scores.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scipy.sparse import csr_array

from llm_encoders.errors import EncoderError
from pyserini_ext import java

# A control character that is no whitespace to Java and that no tokenizer puts into a term.
DELIMITER = "\x01"
_MAX_WORD = 1024  # UTF-16 units; a term has at most 255, its impact at most ten digits
_BUFFER_MEGABYTES = 512.0


class LuceneImpactWriter:
    """An ``IndexWriter`` whose commits carry how far the work has come.

    As a context manager it closes on success and rolls back to the last commit on any error.

    Args:
        folder: of the index; continued where there is one.
        threads: how many documents are added at a time; their order does not matter to a search.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        import jnius_config

        if not jnius_config.vm_running:
            jnius_config.add_options("-Xrs")  # leaves Ctrl-C and SIGTERM to Python
        java.require()
        from pyserini.pyclass import autoclass

        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        file = autoclass("java.io.File")(str(folder.absolute()))
        self._directory = autoclass("org.apache.lucene.store.FSDirectory").open(file.toPath())
        config = autoclass("org.apache.lucene.index.IndexWriterConfig")(_analyzer())
        config.setSimilarity(autoclass("io.anserini.search.similarity.ImpactSimilarity")())
        config.setRAMBufferSizeMB(_BUFFER_MEGABYTES)
        try:
            self._writer = autoclass("org.apache.lucene.index.IndexWriter")(self._directory, config)
        except Exception as error:  # Java's classes of errors are not Python's
            raise _fault(f"Cannot write a Lucene index to {folder}", error) from None
        self._contents_type = _contents_type()  # frozen, and so shared by all threads
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="lucene")
        self._pending: list[Future[None]] = []

    @property
    def progress(self) -> dict[str, str]:
        """What the last commit carried."""
        entries = self._writer.getLiveCommitData()
        if entries is None:
            return {}
        iterator, found = entries.iterator(), {}
        while iterator.hasNext():
            entry = iterator.next()
            found[str(entry.getKey())] = str(entry.getValue())
        return found

    def add(self, ids: list[str], impacts: csr_array, vocabulary: list[str]) -> None:
        """Add documents by rows of int32 impacts; a row without any is left out, as in Anserini."""
        terms = [vocabulary[column] for column in impacts.indices.tolist()]
        weights = impacts.data.tolist()
        endings = {weight: f"{DELIMITER}{weight}" for weight in set(weights)}
        words = [term + endings[weight] for term, weight in zip(terms, weights, strict=True)]
        rows = zip(ids, impacts.indptr.tolist(), impacts.indptr[1:].tolist(), strict=False)
        self.add_words(
            (docid, " ".join(words[start:stop])) for docid, start, stop in rows if stop > start
        )

    def add_words(self, documents: Iterable[tuple[str, str]]) -> None:
        """Add documents given as (id, ``term<DELIMITER>impact`` words) in the background.

        An error comes with the next call, at the latest with :meth:`commit`.
        """
        everything = list(documents)
        size = -(-len(everything) // self._threads) or 1
        slices = [everything[i : i + size] for i in range(0, len(everything), size)]
        self._wait()
        self._pending = [self._pool.submit(self._add_slice, documents) for documents in slices]

    def _wait(self) -> None:
        """Wait for what is being added."""
        pending, self._pending = self._pending, []
        try:
            for future in pending:
                future.result()
        except Exception as error:  # Java's classes of errors are not Python's
            raise _fault(f"Cannot write the Lucene index {self.folder}", error) from None

    def _add_slice(self, documents: list[tuple[str, str]]) -> None:
        """Add documents one after another; runs in several threads at a time.

        pyjnius keeps the object that a method is called on in the method, which all threads share,
        from when the name is looked up. So nothing may be computed between a method's name and
        the call: another thread that comes in between would have its own object changed.
        """
        import jnius
        from pyserini.pyclass import autoclass

        try:
            field_class = autoclass("org.apache.lucene.document.Field")
            string_field = autoclass("org.apache.lucene.document.StringField")
            string_class = autoclass("java.lang.String")
            document = autoclass("org.apache.lucene.document.Document")()
            store = autoclass("org.apache.lucene.document.Field$Store")
            docid_field = string_field("id", "", store.YES)
            bytes_class = autoclass("org.apache.lucene.util.BytesRef")
            # Anserini breaks ties by this field.
            order = autoclass("org.apache.lucene.document.BinaryDocValuesField")(
                "id", bytes_class()
            )
            nothing = jnius.cast("java.lang.CharSequence", string_class(""))
            contents = field_class("contents", nothing, self._contents_type)
            for field in (docid_field, order, contents):
                document.add(field)
            for docid, words in documents:
                docid_field.setStringValue(docid)
                in_bytes = bytes_class(docid.encode())
                order.setBytesValue(in_bytes)
                contents.setStringValue(words)
                self._writer.addDocument(document)
        finally:
            jnius.detach()

    def commit(self, progress: Mapping[str, str]) -> None:
        """Make everything added so far durable, together with ``progress``."""
        from pyserini.pyclass import autoclass

        values = autoclass("java.util.HashMap")()
        for key, value in progress.items():
            values.put(key, value)
        self._wait()
        try:
            self._writer.setLiveCommitData(values.entrySet())
            self._writer.commit()
        except Exception as error:  # Java's classes of errors are not Python's
            raise _fault(f"Cannot write the Lucene index {self.folder}", error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        try:
            if error_type is None:
                self._writer.close()
            else:
                self._writer.rollback()
            self._directory.close()
        except Exception as fault:  # Java's classes of errors are not Python's
            if error_type is None:
                raise _fault(f"Cannot finish the index {self.folder}", fault) from None


def lucene_file_names(building: Path) -> list[str]:
    """The files of an index in the order in which they are put in place.

    An index exists from the moment that its segments file does, so that comes last.
    """
    names = [path.name for path in building.iterdir() if path.name != "write.lock"]
    return sorted(names, key=lambda name: (name.startswith("segments"), name))


def _fault(what: str, error: Exception) -> EncoderError:
    """An error of Java, with the cure where Java itself is the cause."""
    return EncoderError(f"{what}: {java.trouble(str(error)) or error}")


def _analyzer() -> Any:
    from pyserini.pyclass import autoclass

    options = autoclass("java.util.HashMap")
    words, frequencies = options(), options()
    words.put("maxTokenLen", str(_MAX_WORD))
    frequencies.put("delimiter", DELIMITER)
    builder = autoclass("org.apache.lucene.analysis.custom.CustomAnalyzer").builder()
    builder.withTokenizer("whitespace", words)
    builder.addTokenFilter("delimitedTermFrequency", frequencies)
    return builder.build()


def _contents_type() -> Any:
    from pyserini.pyclass import autoclass

    field_type = autoclass("org.apache.lucene.document.FieldType")()
    options = autoclass("org.apache.lucene.index.IndexOptions")
    frequencies = options.DOCS_AND_FREQS
    field_type.setIndexOptions(frequencies)
    field_type.setTokenized(True)
    field_type.setStored(False)
    field_type.freeze()
    return field_type
