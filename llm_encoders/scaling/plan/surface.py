"""The entropy over model size N and annotations D, of one law or of all draws of a bootstrap."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from llm_encoders.scaling.laws.fitted import FittedLaw
from llm_encoders.scaling.laws.law import Array, Law

_BISECTIONS = 60  # halves a range of 30 nats to the last bit of a float64
_STEP = 1e-3  # in log N and log D: truncation and rounding of the stencil are both about 1e-12


@dataclass(frozen=True)
class Space:
    """Where a plan may lie.

    Args:
        parameters: smallest and largest N.
        annotations: smallest and largest D.
    """

    parameters: tuple[float, float] = (1e3, 1e13)
    annotations: tuple[float, float] = (1.0, 1e12)


@dataclass(frozen=True)
class Surface:
    """One law or several of the same equation.

    Args:
        law: the equation, which depends on N and on D and falls with both.
        values: of its parameters, each float64 [laws, 1].
    """

    law: Law
    values: Mapping[str, Array]

    @classmethod
    def of(cls, fitted: FittedLaw) -> "Surface":
        """The fitted law itself: a surface of one law."""
        return cls(fitted.law, {name: np.full((1, 1), one) for name, one in fitted.values.items()})

    @classmethod
    def of_draws(cls, fitted: FittedLaw) -> "Surface | None":
        """All laws of its bootstrap; ``None`` without one."""
        if fitted.bootstrap is None:
            return None
        columns = fitted.bootstrap.columns()
        return cls(fitted.law, {name: one[:, None] for name, one in columns.items()})

    @property
    def laws(self) -> int:
        """How many laws."""
        return len(self.floor)

    @property
    def floor(self) -> Array:
        """Entropy in nats that no N and D get below: float64 [laws, 1]."""
        return self.values[self.law.floor]

    def entropy(self, parameters: ArrayLike, annotations: ArrayLike) -> Array:
        """L(N, D) in nats; N and D are broadcast with [laws, 1]."""
        return self._predict(self.values, parameters, annotations)

    def above_floor(self, parameters: ArrayLike, annotations: ArrayLike) -> Array:
        """L(N, D) less the floor, without the rounding of that difference."""
        values = {**self.values, self.law.floor: np.zeros(1)}
        return self._predict(values, parameters, annotations)

    def annotations_for(self, entropy: ArrayLike, parameters: ArrayLike, space: Space) -> Array:
        """The fewest annotations that reach an entropy with N parameters: an iso-loss curve.

        Args:
            entropy: in nats, broadcast with [laws, 1].
            parameters: N, likewise.
            space: bounds of D.

        Returns:
            D; the lower bound where less would do, infinite where the upper bound is not enough.
        """
        target = np.asarray(entropy, np.float64) - self.floor
        low, high = np.log(space.annotations)
        fewest, most = (self.above_floor(parameters, one) for one in space.annotations)
        under, over = np.full(most.shape, low), np.full(most.shape, high)
        for _ in range(_BISECTIONS):
            middle = (under + over) / 2
            enough = self.above_floor(parameters, np.exp(middle)) <= target
            under, over = np.where(enough, under, middle), np.where(enough, middle, over)
        found = np.where(fewest <= target, space.annotations[0], np.exp(over))
        return np.where(most <= target, found, np.inf)

    def parameters_for(self, entropy: ArrayLike, annotations: float, space: Space) -> Array:
        """The smallest N that reaches an entropy with D annotations: float64 [laws, 1].

        It is the lower bound where less would do, infinite where the upper bound is not enough.
        """
        target = np.asarray(entropy, np.float64) - self.floor
        under, over = (np.full(target.shape, one) for one in np.log(space.parameters))
        fewest, most = (self.above_floor(one, annotations) for one in space.parameters)
        for _ in range(_BISECTIONS):
            middle = (under + over) / 2
            enough = self.above_floor(np.exp(middle), annotations) <= target
            under, over = np.where(enough, under, middle), np.where(enough, middle, over)
        found = np.where(fewest <= target, space.parameters[0], np.exp(over))
        return np.where(most <= target, found, np.inf)

    def _predict(
        self, values: Mapping[str, ArrayLike], parameters: ArrayLike, annotations: ArrayLike
    ) -> Array:
        with np.errstate(over="ignore"):  # an infinite entropy is as good as any that is too high
            return self.law.predict(values, parameters, annotations)

    def slopes(self, parameters: float, annotations: float) -> tuple[float, float]:
        """∂L/∂N and ∂L/∂D of the first law, in nats a parameter and nats an annotation."""
        shift = np.exp(_STEP * np.array([-2.0, -1.0, 1.0, 2.0]))
        weights = np.array([1.0, -8.0, 8.0, -1.0]) / (12 * _STEP)  # central, of fourth order
        along_n = self.above_floor(parameters * shift, annotations)[0]
        along_d = self.above_floor(parameters, annotations * shift)[0]
        return float(weights @ along_n) / parameters, float(weights @ along_d) / annotations
