"""Scaling laws by name, and the file that hands fitted ones from a fit to a plan."""

from llm_encoders.scaling.laws.additive import ADDITIVE
from llm_encoders.scaling.laws.additive_annotations import ADDITIVE_ANNOTATIONS
from llm_encoders.scaling.laws.additive_model_size import ADDITIVE_MODEL_SIZE
from llm_encoders.scaling.laws.annotations import BY_ANNOTATIONS
from llm_encoders.scaling.laws.joint import JOINT
from llm_encoders.scaling.laws.model_size import MODEL_SIZE

LAWS = {
    law.name: law
    for law in (
        MODEL_SIZE,
        BY_ANNOTATIONS,
        JOINT,
        ADDITIVE_MODEL_SIZE,
        ADDITIVE_ANNOTATIONS,
        ADDITIVE,
    )
}
"""By name."""
