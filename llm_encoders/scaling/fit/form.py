"""Laws in the parametrisation that they are fitted in.

All six laws are one curve with some of its parts left out. With n = log(N/N0) and d = log(D/D0),
where N0 and D0 are the geometric means of the points, and a temperature T::

    log L = log(exp(g) + floor),  g = T log(exp(u/T) + exp(v/T)),  u = a - alpha n,  v = b - beta d

T is beta in the joint law, since [(A/N)^(alpha/beta) + B/D]^beta is that g, and 1 in the additive
law. A law of one size has u or v alone. exp(a) and exp(b) are the terms' shares of entropy in the
middle of the points. Unlike A and B, which lie decades outside of the points, they are hardly
correlated with the exponents, so that the least squares are well conditioned.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from llm_encoders.scaling.laws.law import ANNOTATIONS, PARAMETERS, Array, Law

EXPONENTS = (0.01, 10.0)
"""Smallest and largest exponent that is fitted."""
_TERMS = (1e-6, 1e6)
"""Smallest and largest term in the middle of the points, in nats."""
HELD = (1e-300, 1e300)
"""Smallest and largest A and B; beyond them, numbers become 0 or infinite."""
_TERM = {PARAMETERS: ("A", "alpha"), ANNOTATIONS: ("B", "beta")}


@dataclass(frozen=True)
class Form:
    """A law over points, ready to be fitted.

    The vector ``theta`` holds a and log alpha if the law uses N, b and log beta if it uses D, and
    the floor if it is fitted.

    Args:
        law: the equation.
        sizes: log(N/N0) and log(D/D0) of every point, as far as the law uses them: float64
            [columns, points].
        centres: log N0 and log D0, likewise: [columns].
        with_floor: whether delta or E is fitted; it is 0 otherwise.
    """

    law: Law
    sizes: Array
    centres: Array
    with_floor: bool

    @classmethod
    def of(cls, law: Law, points: Mapping[str, Array], with_floor: bool = True) -> "Form":
        """A law over points whose N and D are given by column: float64 [points]."""
        logs = np.log(np.stack([points[name] for name in law.uses]))
        centres = logs.mean(axis=1)
        return cls(law, logs - centres[:, None], centres, with_floor)

    def at(self, points: Mapping[str, Array]) -> "Form":
        """The same parametrisation over other points."""
        logs = np.log(np.stack([points[name] for name in self.law.uses]))
        return replace(self, sizes=logs - self.centres[:, None])

    @property
    def names(self) -> tuple[str, ...]:
        """Which parameter of the law each place of ``theta`` stands for."""
        terms = [name for size in self.law.uses for name in _TERM[size]]
        return (*terms, *([self.law.floor] if self.with_floor else []))

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Smallest and largest ``theta``."""
        low, high = (
            [np.log(one) for _ in self.law.uses for one in pair]
            for pair in zip(_TERMS, EXPONENTS, strict=True)
        )
        if self.with_floor:
            low, high = [*low, 0.0], [*high, np.inf]
        return np.array(low), np.array(high)

    def evaluate(self, theta: Array) -> tuple[Array, Array]:
        """Log entropy of all points, and its derivatives.

        Args:
            theta: [laws, parameters].

        Returns:
            float64 [laws, points], and [laws, points, parameters].
        """
        exponents = np.exp(theta[:, 1 : 2 * len(self.sizes) : 2])[:, :, None]
        terms = theta[:, 0 : 2 * len(self.sizes) : 2][:, :, None] - exponents * self.sizes
        temperature = exponents[:, -1] if self._tempered else np.ones((len(theta), 1))
        shares, power = _soft_maximum(terms, temperature)
        floor = theta[:, -1:] if self.with_floor else np.zeros((len(theta), 1))
        entropy = np.exp(power) + floor
        slope = np.exp(power) / entropy  # of log L in g
        columns = []
        for place in range(len(self.sizes)):
            by_exponent = -shares[:, place] * self.sizes[place]
            if self._tempered and place == 1:
                by_exponent = by_exponent + _shannon_entropy(shares)
            columns += [slope * shares[:, place], slope * by_exponent * exponents[:, place]]
        if self.with_floor:
            columns.append(1 / entropy)
        return np.log(entropy), np.stack(columns, axis=2)

    @property
    def _tempered(self) -> bool:
        return self.law.name == "joint"

    def values(self, theta: Array) -> dict[str, Array]:
        """The law's parameters, by name: each float64 [laws]; A and B end at :data:`HELD`."""
        found = {}
        for place, size in enumerate(self.law.uses):
            scale, name = _TERM[size]
            exponent = np.exp(theta[:, 2 * place + 1])
            term = theta[:, 2 * place]
            if self.law.floor == "delta":  # (A/N)^alpha
                log = self.centres[place] + term / exponent
            else:  # A/N^alpha
                log = term + exponent * self.centres[place]
            with np.errstate(over="ignore"):
                found[scale] = np.clip(np.exp(log), *HELD)
            found[name] = exponent
        found[self.law.floor] = theta[:, -1] if self.with_floor else np.zeros(len(theta))
        return {name: found[name] for name in self.law.parameters}


def _soft_maximum(terms: Array, temperature: Array) -> tuple[Array, Array]:
    """Log-sum-exp at a temperature, T log of the sum of exp(term/T), and every term's share of it.

    Args:
        terms: [laws, columns, points].
        temperature: T: [laws, 1].

    Returns:
        Shares [laws, columns, points], which sum to 1, and the sum [laws, points].
    """
    largest = terms.max(axis=1)
    raised = np.exp((terms - largest[:, None]) / temperature[:, None])
    total = raised.sum(axis=1)
    return raised / total[:, None], largest + temperature * np.log(total)


def _shannon_entropy(shares: Array) -> Array:
    """-sum of p log p: the derivative of the soft maximum in its temperature."""
    logs = np.log(np.where(shares > 0, shares, 1.0))
    total: Array = -(shares * logs).sum(axis=1)
    return total
