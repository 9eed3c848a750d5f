"""An index with its encoder: checked to belong together, loaded once, searched in batches."""

from typing import Any

from llm_encoders.errors import EncoderError, UsageError
from pyserini_ext.serve.batching import GATE, Batching
from pyserini_ext.serve.found import FoundIndex
from pyserini_ext.serve.texts import Texts

Hit = tuple[str, float]
"""Document id and score."""
MOST_HITS = 10_000
_WARM_UP = "what is this"


class ServedIndex:
    """One index. Its methods may be called by any number of threads.

    Args:
        found: the index.
        encoder: a query encoder of ours.
        batch_size: queries of a forward pass, at most.
        threads: of a search.

    Raises:
        EncoderError: the index is damaged, or of other vectors than the encoder gives.
    """

    def __init__(self, found: FoundIndex, encoder: Any, batch_size: int, threads: int) -> None:
        self.found = found
        self.encoder_name: str = encoder.encoder.name
        self._batch_size, self._threads = batch_size, threads
        self._searcher = _open(found, encoder)
        self._batching = Batching(self._answer, batch_size)
        self.search(_WARM_UP, 1)  # Lucene and PyTorch set up much at the first use

    def search(self, query: str, hits: int) -> list[Hit]:
        """The best hits of one query, best first; shares a batch with queries of other threads.

        Raises:
            UsageError: the query or the number of hits is none.
            EncoderError: the query cannot be encoded.
        """
        _require_query(query, hits)
        found: list[Hit] = self._batching(query, hits)
        return found

    def search_batch(self, queries: list[str], hits: int) -> list[list[Hit]]:
        """The best hits of each query; errors as :meth:`search`."""
        for query in queries:
            _require_query(query, hits)
        found: list[list[Hit]] = []
        for start in range(0, len(queries), self._batch_size):
            with GATE:  # between two batches others have their turn
                found += self._answer(queries[start : start + self._batch_size], hits)
        return found

    def _answer(self, queries: list[str], hits: int) -> list[list[Hit]]:
        names = [str(number) for number in range(len(queries))]
        found = self._searcher.batch_search(queries, names, hits, self._threads)
        return [[(hit.docid, float(hit.score)) for hit in found[name]] for name in names]


def _require_query(query: Any, hits: Any) -> None:
    if not isinstance(query, str) or not query.strip():
        raise UsageError("The query is empty; give a text.")
    if any("\ud800" <= character <= "\udfff" for character in query):
        raise UsageError("The query has half of a surrogate pair, which is no character.")
    if not isinstance(hits, int) or not 1 <= hits <= MOST_HITS:
        raise UsageError(f"The number of hits is {hits}; give one from 1 to {MOST_HITS:,}.")


def _open(found: FoundIndex, encoder: Any) -> Any:
    if found.kind == "faiss":
        from pyserini.search.faiss import FaissSearcher

        return FaissSearcher(str(found.folder), encoder)
    from pyserini.search.lucene import LuceneImpactSearcher

    searcher = LuceneImpactSearcher(str(found.folder), encoder)
    terms = searcher.idf.keys()
    if not terms:
        raise EncoderError(f"The Lucene index {found.folder} holds no terms, so no impacts.")
    if foreign := terms - set(encoder.encoder.vocabulary):
        raise UsageError(
            f"{found.folder} has {len(foreign):,} of {len(terms):,} terms that "
            f"{encoder.encoder.name} never gives, such as {min(foreign)!r}. So it is an index of "
            "another encoder, or of words for BM25. Name the encoder that made it with --encoder."
        )
    return searcher


class Served:
    """All indexes of a server, and the texts of their documents.

    Args:
        indexes: each under a name of its own.
        texts: ``None`` to serve ids and scores only.
    """

    def __init__(self, indexes: list[ServedIndex], texts: Texts | None) -> None:
        self.indexes = {index.found.name: index for index in indexes}
        self.texts = texts

    def index(self, name: str) -> ServedIndex:
        """The index of that name.

        Raises:
            UsageError: there is none.
        """
        if name not in self.indexes:
            known = ", ".join(self.indexes)
            raise UsageError(f"No index '{name}' is served here. Served: {known}.")
        return self.indexes[name]

    def require_encoder(self, name: str, encoder: str | None) -> None:
        """Refuse a request that names another encoder than the one that the index is served with.

        Raises:
            UsageError: it does.
        """
        own = self.index(name).encoder_name
        if encoder and encoder != own:
            raise UsageError(
                f"The index {name} is served with the encoder {own}, not with {encoder}. Leave the "
                "encoder out of the request."
            )

    def raw(self, docids: list[str]) -> dict[str, str | None]:
        """What is stored of documents, JSON as a rule; ``None`` for all where texts are not served.

        Raises:
            EncoderError: a document is not there.
        """
        if self.texts is None:
            return dict.fromkeys(docids)
        return dict(self.texts.raw(docids))
