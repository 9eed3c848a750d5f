"""A power law through measured points, by least squares of the logarithms."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_SIZES = 3


@dataclass(frozen=True)
class PowerLaw:
    """value = coefficient · size ^ exponent."""

    coefficient: float
    exponent: float
    r_squared: float
    """Of the logarithms; 1 where all values are the same and the curve meets them."""

    def __call__(self, size: float) -> float:
        """The value of a size."""
        return self.coefficient * size**self.exponent


def fit(sizes: Sequence[float], values: Sequence[float]) -> PowerLaw:
    """The law whose logarithm is nearest to that of the values.

    Args:
        sizes: above 0, at least :data:`LEAST_SIZES` different ones: through two points, every
            curve of two parameters passes.
        values: above 0, one a size.

    Raises:
        ValueError: too few sizes, or a number that has no logarithm.
    """
    if len(set(sizes)) < LEAST_SIZES:
        raise ValueError(f"{len(set(sizes))} different sizes; a fit needs {LEAST_SIZES}.")
    if min(*sizes, *values) <= 0:
        raise ValueError("A size or a value is not above 0.")
    x, y = np.log(np.array(sizes, float)), np.log(np.array(values, float))
    exponent, constant = np.polyfit(x, y, 1)
    left = float(((y - (exponent * x + constant)) ** 2).sum())
    total = float(((y - y.mean()) ** 2).sum())
    r_squared = 1 - left / total if total > 0 else 1.0
    return PowerLaw(math.exp(constant), float(exponent), r_squared)
