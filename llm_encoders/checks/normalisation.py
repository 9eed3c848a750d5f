"""Whether vectors have the length that the contract and the publisher give them."""

import numpy as np

from llm_encoders.checks.finding import Finding
from llm_encoders.checks.subject import Subject

CHECK = "normalisation"
_ROUNDING = 1e-3


def check_normalisation(subject: Subject) -> Finding | None:
    """Length 1 where vectors are normalised, and normalised where the publisher's are."""
    if subject.contract.paradigm != "dense":
        return None
    norms = np.linalg.norm(subject.documents, axis=1)
    claimed, known = subject.contract.normalize, subject.published
    figure = f"lengths from {norms.min():.4g} to {norms.max():.4g}; "
    figure += "normalised by the contract" if claimed else "not normalised by the contract"
    if claimed and np.abs(norms - 1).max() > _ROUNDING:
        zero = "The model gives zero vectors: fetch its weights again."
        ours = "This is a fault of this package; please report it."
        return Finding(CHECK, figure, ours if norms.min() > 0 else zero)
    if known is not None and known.contract.normalize != claimed:
        wanted = str(known.contract.normalize).lower()
        return Finding(
            CHECK,
            f"{figure}, the publisher's are{'' if known.contract.normalize else ' not'}",
            f"Set normalize of the contract to {wanted}, as {known.source('normalize')} has it.",
        )
    return Finding(CHECK, figure)
