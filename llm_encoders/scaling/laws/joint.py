"""The joint law of model size and annotations."""

from collections.abc import Mapping

from llm_encoders.scaling.laws.law import ANNOTATIONS, DENSE_RETRIEVAL, PARAMETERS, Array, Law


def joint(values: Mapping[str, Array], parameters: Array, annotations: Array) -> Array:
    """L(N, D) = [(A/N)^(alpha/beta) + B/D]^beta + delta.

    With D without end it is the law of model size, with N without end that of annotations.
    """
    ratio = values["alpha"] / values["beta"]
    inner = (values["A"] / parameters) ** ratio + values["B"] / annotations
    return inner ** values["beta"] + values["delta"]


JOINT = Law(
    name="joint",
    equation="L(N,D) = [(A/N)^(alpha/beta) + B/D]^beta + delta",
    citation=DENSE_RETRIEVAL,
    parameters=("A", "B", "alpha", "beta", "delta"),
    floor="delta",
    uses=(PARAMETERS, ANNOTATIONS),
    formula=joint,
)
