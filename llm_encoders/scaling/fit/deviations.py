"""How far measurements lie from a law: between sizes, and between seeds of one size.

The deviation of a measurement is u + e. All seeds of one (N, D) share u, which says how far the
law itself is off there; e is the seed's. Without enough repeated sizes, u and e are one.
"""

from dataclasses import dataclass

import numpy as np

from llm_encoders.scaling.laws.law import Array

_FEWEST = 3  # degrees of freedom between seeds, to tell them from sizes
_LARGEST = 10.0  # deviation of log entropy that is drawn


@dataclass(frozen=True)
class Deviations:
    """Sums of squares, as an analysis of variance has them.

    Args:
        cells: which (N, D) every point has: int64 [points].
        between: sum of squares between sizes; of all residuals if ``within_freedom`` is 0.
        between_freedom: its degrees of freedom.
        within: sum of squares between seeds of one size.
        within_freedom: its degrees of freedom; 0 if the two are not told apart.
        repeats: mean number of seeds of a size, as the analysis of variance needs it.
    """

    cells: np.ndarray
    between: float
    between_freedom: int
    within: float
    within_freedom: int
    repeats: float

    @classmethod
    def of(cls, residuals: Array, cells: np.ndarray, parameters: int) -> "Deviations":
        """From the residuals of a fit.

        Sizes and seeds are told apart if there are enough seeds, and sizes differ by more than
        seeds explain.

        Args:
            residuals: log(measured/predicted): [points].
            cells: int64 [points], from 0.
            parameters: number of parameters fitted.
        """
        counts = np.bincount(cells)
        means = np.bincount(cells, residuals) / counts
        within = float(((residuals - means[cells]) ** 2).sum())
        between = float((counts * means**2).sum())
        points, sizes = len(cells), len(counts)
        inner, outer = points - sizes, sizes - parameters
        if inner >= _FEWEST and between / outer > within / inner:
            repeats = (points - float((counts**2).sum()) / points) / (sizes - 1)
            return cls(cells, between, outer, within, inner, repeats)
        return cls(cells, within + between, points - parameters, 0.0, 0, 1.0)

    @property
    def scatter(self) -> float:
        """Standard deviation of the log of one measurement."""
        whole = self.between / self.between_freedom
        if not self.within_freedom:
            return float(np.sqrt(whole))
        seeds = self.within / self.within_freedom
        return float(np.sqrt(seeds + (whole - seeds) / self.repeats))

    def draw(self, count: int, generator: np.random.Generator) -> Array:
        """Deviations of all points, ``count`` times: float64 [count, points].

        They are normal. Their variances are themselves drawn, as the sums of squares over a
        chi-squared variable of their degrees of freedom, because few points tell them badly. Of a
        linear model, the fits to such draws follow Student's t around the fit, and their
        percentiles are its exact intervals.
        """
        points, sizes = len(self.cells), int(self.cells.max()) + 1
        whole = self.between / generator.chisquare(self.between_freedom, count)
        if not self.within_freedom:
            drawn = np.sqrt(whole)[:, None] * generator.standard_normal((count, points))
            return np.clip(drawn, -_LARGEST, _LARGEST)
        seeds = self.within / generator.chisquare(self.within_freedom, count)
        shared = np.sqrt(np.maximum(whole - seeds, 0) / self.repeats)
        drawn = shared[:, None] * generator.standard_normal((count, sizes))
        own = np.sqrt(seeds)[:, None] * generator.standard_normal((count, points))
        return np.clip(drawn[:, self.cells] + own, -_LARGEST, _LARGEST)
