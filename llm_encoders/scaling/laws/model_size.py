"""The law of model size at a fixed number of annotations."""

from collections.abc import Mapping

from llm_encoders.scaling.laws.law import DENSE_RETRIEVAL, PARAMETERS, Array, Law


def model_size(values: Mapping[str, Array], parameters: Array, annotations: Array) -> Array:
    """L(N) = (A/N)^alpha + delta."""
    return (values["A"] / parameters) ** values["alpha"] + values["delta"]


MODEL_SIZE = Law(
    name="model-size",
    equation="L(N) = (A/N)^alpha + delta",
    citation=DENSE_RETRIEVAL,
    parameters=("A", "alpha", "delta"),
    floor="delta",
    uses=(PARAMETERS,),
    formula=model_size,
)
