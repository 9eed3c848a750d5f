"""The search side: what Lucene must be told before it searches LLM impacts."""

from pathlib import Path
from typing import Any

from pyserini_ext.bridge.encoders import LlmSpladeQueryEncoder
from pyserini_ext.queries.record import read_query_record, require_index_of_queries

_NO_LIMIT = 2**31 - 1


def prepare(searcher: Any) -> None:
    """Set up a ``LuceneImpactSearcher`` for LLM queries.

    Lucene refuses queries of more than 1,024 terms by default; lifting that only turns errors
    into results, so it is lifted for all, encoded queries without an encoder among them.
    Pyserini keeps a query term only if its idf is greater than ``min_idf``, which at 0, the
    default, loses the terms that occur in every document; with our encoders 0 becomes -1.
    """
    from pyserini.pyclass import autoclass

    autoclass("org.apache.lucene.search.IndexSearcher").setMaxClauseCount(_NO_LIMIT)
    if isinstance(searcher.query_encoder, LlmSpladeQueryEncoder) and searcher.min_idf == 0:
        searcher.min_idf = -1


def prepare_for_encoded_queries(searcher: Any, index: Path, topics: Path) -> None:
    """Set up a ``LuceneImpactSearcher`` for topics that one of our encoders has encoded, if so.

    Raises:
        EncoderError: the index is of another contract, or the topics were changed.
    """
    require_index_of_queries(index, topics)
    if read_query_record(topics) is not None and searcher.min_idf == 0:
        searcher.min_idf = -1
