"""The additive law at a fixed model size."""

from collections.abc import Mapping

from llm_encoders.scaling.laws.law import ANNOTATIONS, CHINCHILLA, Array, Law


def additive_annotations(
    values: Mapping[str, Array], parameters: Array, annotations: Array
) -> Array:
    """L(D) = E + B/D^beta: the curve of the law ``annotations``, whose B is this one^(1/beta)."""
    return values["E"] + values["B"] / annotations ** values["beta"]


ADDITIVE_ANNOTATIONS = Law(
    name="additive-annotations",
    equation="L(D) = E + B/D^beta",
    citation=CHINCHILLA,
    parameters=("E", "B", "beta"),
    floor="E",
    uses=(ANNOTATIONS,),
    formula=additive_annotations,
)
