"""Robust least squares of many fits at once: Huber's loss of log residuals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llm_encoders.scaling.fit.form import Form
from llm_encoders.scaling.laws.law import Array

HUBER = 1.345
"""Residuals beyond this many standard deviations count linearly, not squared: 95 % efficient with
normal errors (Huber, Robust Statistics, 1981)."""
_SMALLEST_SCALE = 1e-9
_ROUNDS = 4  # of estimating the residuals' scale
_STEPS = 100
_SETTLED = 1e-9  # largest move of a parameter
_DAMPING = (1e-12, 1e12)


@dataclass(frozen=True)
class Polished:
    """Fits.

    Args:
        theta: [fits, parameters].
        residuals: log(measured/predicted): [fits, points].
        scale: robust standard deviation of the residuals: [fits].
        loss: sum of Huber's loss, in units of squared residuals: [fits].
    """

    theta: Array
    residuals: Array
    scale: Array
    loss: Array

    def only(self, places: Array) -> "Polished":
        """Some of the fits."""
        return Polished(
            *(one[places] for one in (self.theta, self.residuals, self.scale, self.loss))
        )


def huber(residuals: Array, threshold: Array) -> Array:
    """Sum of r^2 where |r| is at most the threshold c, else of 2 c |r| - c^2: [fits].

    Args:
        residuals: [fits, points].
        threshold: [fits].
    """
    size, limit = np.abs(residuals), threshold[:, None]
    total: Array = np.where(size <= limit, size**2, limit * (2 * size - limit)).sum(axis=1)
    return total


def robust_scale(residuals: Array, parameters: int) -> Array:
    """Standard deviation of residuals, from their median: [fits].

    A fit of p parameters passes through or near p points, so that the p - 1 smallest residuals
    are left out (as in MATLAB's ``robustfit``, after DuMouchel and O'Brien, 1989).
    """
    ordered = np.sort(np.abs(residuals), axis=1)[:, max(parameters - 1, 0) :]
    scale: Array = np.median(ordered, axis=1) / 0.6745
    return np.maximum(scale, _SMALLEST_SCALE)


def polish(form: Form, measured: Array, starts: Array) -> Polished:
    """Minimise Huber's loss of log(measured/predicted) from every start.

    The loss's threshold is :data:`HUBER` times the residuals' scale, which is estimated anew after
    every round of the search (Levenberg and Marquardt's, with reweighting).

    Args:
        form: the law over its points.
        measured: log entropy: [points], or [fits, points] for other measurements in each fit.
        starts: [fits, parameters].
    """
    measured = np.broadcast_to(measured, (len(starts), measured.shape[-1]))
    theta = starts
    count = starts.shape[1]
    scale = robust_scale(measured - form.evaluate(theta)[0], count)
    for _ in range(_ROUNDS):
        theta = minimise(form, measured, theta, HUBER * scale)
        residuals = measured - form.evaluate(theta)[0]
        scale = robust_scale(residuals, count)
    return Polished(theta, residuals, scale, huber(residuals, HUBER * scale))


def minimise(form: Form, measured: Array, starts: Array, threshold: Array) -> Array:
    """Minimise Huber's loss with a given threshold, within the form's bounds.

    Args:
        measured: [fits, points].
        starts: [fits, parameters].
        threshold: [fits].

    Returns:
        theta: [fits, parameters].
    """
    low, high = form.bounds
    theta = np.clip(starts, low, high)
    damping = np.full(len(theta), 1e-3)
    active = np.arange(len(theta))
    for _ in range(_STEPS):
        now, limit = theta[active], threshold[active]
        predicted, slopes = form.evaluate(now)
        residuals = measured[active] - predicted
        loss = huber(residuals, limit)
        size = np.maximum(np.abs(residuals), 1e-300)
        weights = np.minimum(1.0, limit[:, None] / size)
        weighted = slopes * weights[:, :, None]
        gradient = np.einsum("fnp,fn->fp", weighted, residuals)
        normal = np.einsum("fnp,fnq->fpq", weighted, slopes)
        held = ((now <= low) & (gradient < 0)) | ((now >= high) & (gradient > 0))
        step = _step(normal, np.where(held, 0.0, gradient), held, damping[active])
        moved = np.clip(now + step, low, high)
        better = huber(measured[active] - form.evaluate(moved)[0], limit) < loss
        theta[active[better]] = moved[better]
        factor = np.where(better, 0.2, 5.0)
        damping[active] = np.clip(damping[active] * factor, *_DAMPING)
        small = np.abs(moved - now).max(axis=1) < _SETTLED
        stuck = ~better & (damping[active] >= 1e8)
        active = active[~(small | stuck)]
        if not len(active):
            break
    return theta


def _step(normal: Array, gradient: Array, held: NDArray[np.bool_], damping: Array) -> Array:
    """Solve (JWJ + damping diag(JWJ)) step = JWr, without the parameters held at a bound."""
    free = ~held
    matrix = normal * (free[:, :, None] & free[:, None, :])
    places = np.arange(normal.shape[1])
    diagonal = normal[:, places, places]
    matrix[:, places, places] = np.where(free, diagonal * (1 + damping[:, None]) + 1e-30, 1.0)
    step = np.linalg.solve(matrix, gradient[:, :, None])[:, :, 0]
    bounded: Array = np.clip(step, -3.0, 3.0)
    return bounded
