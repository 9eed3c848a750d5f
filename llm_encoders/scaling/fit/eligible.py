"""Whether points identify the parameters of a law at all."""

from collections.abc import Mapping

import numpy as np

from llm_encoders.scaling.fit.figures import number
from llm_encoders.scaling.laws.law import ANNOTATIONS, PARAMETERS, Array, Law

_SYMBOLS = {PARAMETERS: "N", ANNOTATIONS: "D"}
_OWNED = {PARAMETERS: "A and alpha", ANNOTATIONS: "B and beta"}
_COLLINEAR = 0.999


def cells(sizes: Mapping[str, Array]) -> np.ndarray:
    """Which (N, D) every point has: int64 [points], from 0."""
    pairs = np.stack([sizes[PARAMETERS], sizes[ANNOTATIONS]], axis=1)
    return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)


def obstacle(law: Law, sizes: Mapping[str, Array], with_floor: bool) -> str:
    """Why the points cannot identify the parameters of a law; empty if they may.

    Args:
        sizes: N and D of every point.
        with_floor: whether the floor is fitted.
    """
    for size in law.uses:
        count = len(np.unique(sizes[size]))
        if count < 2:
            return (
                f"{_OWNED[size]} cannot be identified: all points have the same {size} "
                f"({_SYMBOLS[size]} = {number(sizes[size][0])})"
            )
        if count < 3 and with_floor and len(law.uses) == 1:
            return (
                f"{law.floor} cannot be distinguished from {_OWNED[size]} by two distinct {size}; "
                "it takes four"
            )
    wanted = len(law.parameters) - (not with_floor) + 1
    found = len(np.unique(cells(sizes)))
    if found < wanted:
        return (
            f"the law has {wanted - 1} parameters, which need points at {wanted} or more different "
            f"sizes, and there {'is' if found == 1 else 'are'} {found}"
        )
    if len(law.uses) == 2 and _collinear(sizes):
        return (
            "A and alpha cannot be distinguished from B and beta: parameters and annotations rise "
            "together in all points; measure some where only one of them is larger"
        )
    return ""


def thin(law: Law, sizes: Mapping[str, Array]) -> list[str]:
    """Warnings about exponents that rest on two sizes."""
    return [
        f"{_OWNED[size].split()[-1]} rests on two distinct {size} only; whether they follow a "
        "power law cannot be seen. Measure a third."
        for size in law.uses
        if len(np.unique(sizes[size])) == 2
    ]


def _collinear(sizes: Mapping[str, Array]) -> bool:
    logs = np.log(np.stack([sizes[PARAMETERS], sizes[ANNOTATIONS]]))
    return bool(abs(np.corrcoef(logs)[0, 1]) > _COLLINEAR)
