"""The additive law at a fixed number of annotations."""

from collections.abc import Mapping

from llm_encoders.scaling.laws.law import CHINCHILLA, PARAMETERS, Array, Law


def additive_model_size(
    values: Mapping[str, Array], parameters: Array, annotations: Array
) -> Array:
    """L(N) = E + A/N^alpha: the curve of the law ``model-size``, whose A is this one^(1/alpha)."""
    return values["E"] + values["A"] / parameters ** values["alpha"]


ADDITIVE_MODEL_SIZE = Law(
    name="additive-model-size",
    equation="L(N) = E + A/N^alpha",
    citation=CHINCHILLA,
    parameters=("E", "A", "alpha"),
    floor="E",
    uses=(PARAMETERS,),
    formula=additive_model_size,
)
