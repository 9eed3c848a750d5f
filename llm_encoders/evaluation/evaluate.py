"""Evaluation of an encoder on a collection, exhaustively."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from llm_encoders.errors import EncoderError
from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.entropy import Meter
from llm_encoders.evaluation.exhaustive_search import (
    ExhaustiveSearch,
    Ranking,
    docid_order,
    dot_products,
)
from llm_encoders.evaluation.measures import RANKING_MEASURES, Measure, contrastive_entropy

__all__ = ["Collection", "evaluate", "mean_figures"]

_BLOCK = 1024  # documents encoded and scored at a time
_DEPTH = max(measure.depth for measure in RANKING_MEASURES)


def evaluate(encoder: Any, collection: Collection) -> dict[str, float]:
    """Score every document for every query and compute the measures.

    A document with the id of the query is left out of rankings, as BEIR's own evaluation and
    Pyserini's ``--remove-query`` do. So are documents that share no term with a sparse query: an
    impact index does not return them.
    Memory holds the scores of one block of documents at a time.

    Args:
        encoder: a sparse or dense encoder; sparse weights are not quantised.
        collection: see :meth:`Collection.load`.

    Returns:
        The measures of :mod:`llm_encoders.evaluation.measures`, and the mean number of terms of
        sparse vectors. Measures of rankings are means over all queries; one without a relevant
        document counts as 0, as with ``trec_eval -c``. Contrastive entropy, of scores divided by
        the contract's temperature, is a mean over pairs of a query and a relevant document that is
        there, and over redraws of their random negatives, whose standard deviation is given, too;
        pairs of a query to which every document is relevant are left out.

    Raises:
        EncoderError: no query has a relevant document and another one, so that there is no
            contrastive entropy.
    """
    names = list(collection.queries)
    queries = encoder.encode_queries([collection.queries[name] for name in names])
    places = {docid: column for column, docid in enumerate(collection.ids)}
    own = [places.get(name) for name in names]
    search = ExhaustiveSearch(len(names), docid_order(collection.ids), _DEPTH, own)
    meter = Meter(collection.sample, queries, encoder.config.temperature)
    counts = []
    for first in range(0, len(collection.ids), _BLOCK):
        block = slice(first, first + _BLOCK)
        vectors = encoder.encode_documents(collection.texts[block], collection.titles[block])
        scores = dot_products(queries, vectors)
        meter.take(vectors, np.arange(first, first + vectors.shape[0]))
        is_sparse = not isinstance(vectors, np.ndarray)
        search.take(scores, first, positive_only=is_sparse)
        if is_sparse:
            counts.append(np.diff(vectors.indptr))
    found = mean_figures(search.rankings(), collection, RANKING_MEASURES)
    entropy = meter.entropy()
    if entropy is None:
        raise EncoderError(
            f"The collection '{collection.name}' has no query with a relevant document and another "
            "one among its documents, so nothing can be measured on it."
        )
    found[contrastive_entropy.NAME] = entropy.mean
    assert entropy.spread is not None  # there are several redraws
    found[contrastive_entropy.SPREAD] = entropy.spread
    if counts:
        found["query_terms"] = float(np.diff(queries.indptr).mean())
        found["passage_terms"] = float(np.concatenate(counts).mean())
    return found


def mean_figures(
    rankings: Sequence[Ranking], collection: Collection, measures: Sequence[Measure]
) -> dict[str, float]:
    """Means of measures over all queries of a collection.

    Args:
        rankings: one a query, in the collection's order; columns are numbers of documents.
        collection: ids and judgements. A query without a relevant document counts as 0.
        measures: what is computed.
    """
    sums = {measure.name: 0.0 for measure in measures}
    for name, one in zip(collection.queries, rankings, strict=True):
        ranking = [collection.ids[column] for column in one.columns]
        for measure in measures:
            sums[measure.name] += measure(ranking, collection.qrels[name])
    return {key: value / len(rankings) for key, value in sums.items()}
