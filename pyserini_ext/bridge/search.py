"""The search side: what Lucene must be told before it searches LLM impacts."""

from typing import Any

from pyserini_ext.bridge.encoders import LlmSpladeQueryEncoder

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
