"""The law whose terms of model size and annotations add up."""

from collections.abc import Mapping

from llm_encoders.scaling.laws.law import ANNOTATIONS, CHINCHILLA, PARAMETERS, Array, Law


def additive(values: Mapping[str, Array], parameters: Array, annotations: Array) -> Array:
    """L(N, D) = E + A/N^alpha + B/D^beta."""
    by_size = values["A"] / parameters ** values["alpha"]
    return values["E"] + by_size + values["B"] / annotations ** values["beta"]


ADDITIVE = Law(
    name="additive",
    equation="L(N,D) = E + A/N^alpha + B/D^beta",
    citation=CHINCHILLA,
    parameters=("E", "A", "alpha", "B", "beta"),
    floor="E",
    uses=(PARAMETERS, ANNOTATIONS),
    formula=additive,
)
