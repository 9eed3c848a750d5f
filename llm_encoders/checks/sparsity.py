"""Whether sparse vectors are sparse."""

import numpy as np

from llm_encoders.checks.finding import Finding, not_checked
from llm_encoders.checks.subject import Subject

CHECK = "terms a text"
# The densest published ones that we know have 1,231 terms a query (the card of splade-code-06B);
# a language model that was never trained to be sparse gives half of its vocabulary or all of it,
# 128,256 with Llama 3.
_MOST = 10_000


def check_sparsity(subject: Subject) -> Finding | None:
    """At least one term, and not the whole vocabulary of a language model."""
    if subject.contract.paradigm != "sparse":
        return None
    if subject.layers is not None:
        return not_checked(CHECK, "needs all layers")
    counts = []
    for vectors, top_k in (
        (subject.queries, subject.contract.query_top_k),
        (subject.documents, subject.contract.passage_top_k),
    ):
        terms = np.count_nonzero(vectors, axis=1)
        counts.append(np.minimum(terms, terms.max() if top_k is None else top_k))
    queries, documents = counts
    size = subject.documents.shape[1]
    figure = (
        f"{queries.min():,} to {queries.max():,} a query, {documents.min():,} to "
        f"{documents.max():,} a document, of {size:,}"
    )
    if min(queries.min(), documents.min()) == 0:
        return Finding(
            CHECK,
            figure,
            "A text without terms is never found: check adapter, logit_scale and prefixes.",
        )
    if max(queries.max(), documents.max()) > _MOST:
        return Finding(
            CHECK,
            figure,
            "The model was not trained to be sparse, or not with this contract: check adapter, "
            "attention and special tokens; query_top_k and passage_top_k only hide it.",
        )
    return Finding(CHECK, figure)
