"""The law of annotations at a fixed model size."""

from collections.abc import Mapping

from llm_encoders.scaling.laws.law import ANNOTATIONS, DENSE_RETRIEVAL, Array, Law


def by_annotations(values: Mapping[str, Array], parameters: Array, annotations: Array) -> Array:
    """L(D) = (B/D)^beta + delta."""
    return (values["B"] / annotations) ** values["beta"] + values["delta"]


BY_ANNOTATIONS = Law(
    name="annotations",
    equation="L(D) = (B/D)^beta + delta",
    citation=DENSE_RETRIEVAL,
    parameters=("B", "beta", "delta"),
    floor="delta",
    uses=(ANNOTATIONS,),
    formula=by_annotations,
)
