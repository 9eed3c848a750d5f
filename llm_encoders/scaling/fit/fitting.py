"""One law, fitted to points."""

from dataclasses import dataclass

import numpy as np

from llm_encoders.scaling.fit.form import Form
from llm_encoders.scaling.fit.polish import HUBER, Polished, huber, polish
from llm_encoders.scaling.fit.starts import starts
from llm_encoders.scaling.laws.fitted import Criterion
from llm_encoders.scaling.laws.law import Array

_NOISE_FREE = 1e-18  # mean square of residuals that are rounding alone


def fit(form: Form, measured: Array) -> Polished:
    """The best of the fits from many starts: one fit.

    Args:
        form: the law over its points.
        measured: log entropy: [points].
    """
    found = polish(form, measured, starts(form, measured))
    return found.only(np.argmin(np.abs(found.residuals).sum(axis=1), keepdims=True))


@dataclass(frozen=True)
class Choice:
    """Fits with and without the floor, as far as the points allow them."""

    with_floor: tuple[Form, Polished] | None
    without_floor: tuple[Form, Polished] | None

    def criterion(self) -> Criterion | None:
        """Compares the two; ``None`` without either."""
        fits = {"with_delta": self.with_floor, "without_delta": self.without_floor}
        largest = self.with_floor or self.without_floor
        if largest is None:
            return None
        threshold = HUBER * largest[1].scale
        values = {
            name: None if one is None else aicc(one[1].residuals, threshold, one[1].theta.shape[1])
            for name, one in fits.items()
        }
        known = {name: value for name, value in values.items() if value is not None}
        if not known:
            return None
        # With equal values, as of points without noise, the shorter law.
        chosen = min(known, key=lambda name: (known[name], name == "with_delta"))
        return Criterion("AICc", values["with_delta"], values["without_delta"], chosen)


def aicc(residuals: Array, threshold: Array, parameters: int) -> float | None:
    """Akaike's criterion for few points: n log(S/n) + 2k + 2k(k+1)/(n-k-1).

    S is the sum of Huber's loss, with the same threshold for all laws that are compared, and k the
    number of parameters with the variance among them (Hurvich and Tsai, 1989).

    Args:
        residuals: [1, points].
        threshold: of the loss: [1].

    Returns:
        ``None`` with too few points for it.
    """
    n, k = residuals.shape[1], parameters + 1
    if n - k - 1 <= 0:
        return None
    mean = max(float(huber(residuals, threshold)[0]) / n, _NOISE_FREE)
    return float(n * np.log(mean) + 2 * k + 2 * k * (k + 1) / (n - k - 1))
