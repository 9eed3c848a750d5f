"""Whether every text has a vector of its own."""

import itertools

import numpy as np

from llm_encoders.checks.finding import Finding
from llm_encoders.checks.probes import DOCUMENTS
from llm_encoders.checks.subject import Subject, cosines

CHECK = "every text its own vector"
# 1 − cosine of the two texts that are nearest, by bits of the number format. Measured: .006 (a
# language model, never trained to encode) to .6. Pooling a token that sees no text gives 0.
_SMALLEST = {32: 1e-5, 16: 1e-4}


def check_distinct(subject: Subject) -> Finding:
    """No two documents, which share first or last words, may have one vector."""
    vectors = subject.documents
    pairs = list(itertools.combinations(range(len(vectors)), 2))
    distances = [max(0.0, 1 - float(cosines(vectors[i], vectors[j]))) for i, j in pairs]
    nearest = int(np.argmin(distances))
    i, j = pairs[nearest]
    figure = f"the nearest two of {len(vectors)} texts are {distances[nearest]:.1g} apart (1 − cos)"
    zero = [DOCUMENTS[row] for row in np.flatnonzero(~vectors.any(axis=1))]
    if zero:
        return Finding(
            CHECK,
            f"'{zero[0]}' has the zero vector",
            "No token of it is pooled, or nothing is positive: see the pooling of the contract.",
        )
    if distances[nearest] < _SMALLEST[8 * subject.encoder.dtype.itemsize]:
        contract = subject.contract
        return Finding(
            CHECK,
            f"{figure}: '{DOCUMENTS[i]}' and '{DOCUMENTS[j]}'",
            f"What is pooled (pooling '{contract.pooling}') has not seen the whole text: under "
            f"{contract.attention} attention use another pooling, such as 'last' or 'mean'."
            if contract.paradigm == "dense"
            else "The weights do not depend on the text: they are damaged or untrained.",
        )
    return Finding(CHECK, figure)
