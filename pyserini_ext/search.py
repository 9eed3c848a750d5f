"""The search side: what Lucene must be told before it searches LLM impacts."""

from typing import Any

from pyserini_ext.encoders import LlmSpladeQueryEncoder

_NO_LIMIT = 2**31 - 1


def prepare(searcher: Any) -> None:
    """Set up a ``LuceneImpactSearcher`` that has one of our encoders; leave every other alone.

    Lucene refuses queries of more than 1,024 terms by default, and Pyserini keeps a query term
    only if its idf is greater than ``min_idf``, which at the default of 0 loses the terms that
    occur in every document. A ``min_idf`` that the user gave stays.
    """
    if not isinstance(searcher.query_encoder, LlmSpladeQueryEncoder):
        return
    from pyserini.pyclass import autoclass

    autoclass("org.apache.lucene.search.IndexSearcher").setMaxClauseCount(_NO_LIMIT)
    if searcher.min_idf == 0:
        searcher.min_idf = -1
