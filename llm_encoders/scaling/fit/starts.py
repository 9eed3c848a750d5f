"""Where the search for a law's parameters begins: variable projection over a grid.

With the exponents given, the additive laws and those of one size are linear in the rest::

    L = floor + e^a (N0/N)^alpha + e^b (D0/D)^beta

With its exponents and its floor given, so is the joint law, in another quantity::

    (L - floor)^(1/beta) = e^(a/beta) (N0/N)^(alpha/beta) + e^(b/beta) (D0/D)

Each is solved by weighted least squares; the weights turn errors of that quantity into errors of
log L. (Golub and Pereyra, 1973, doi 10.1137/0710036.)
"""

import itertools

import numpy as np

from llm_encoders.scaling.fit.form import Form
from llm_encoders.scaling.laws.law import Array

_EXPONENTS = np.geomspace(0.05, 3.0, 14)
_FLOORS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.99)  # of the smallest entropy
_KEPT = 24


def starts(form: Form, measured: Array) -> Array:
    """The best points of the grid, best first: float64 [starts, parameters].

    Args:
        form: the law over its points.
        measured: log entropy: [points].
    """
    entropy = np.exp(measured)
    exponents = np.array(list(itertools.product(_EXPONENTS, repeat=len(form.sizes))))
    if form.law.name == "joint":
        floors = np.array(_FLOORS if form.with_floor else (0.0,)) * entropy.min()
        found = np.concatenate([_joint(form, entropy, exponents, floor) for floor in floors])
    else:
        found = _linear(form, entropy, exponents)
    low, high = form.bounds
    found = np.clip(found, low, high)
    errors = np.abs(measured - form.evaluate(found)[0]).sum(axis=1)
    best: Array = found[np.argsort(errors, kind="stable")[:_KEPT]]
    return best


def _linear(form: Form, entropy: Array, exponents: Array) -> Array:
    columns = np.exp(-exponents[:, :, None] * form.sizes)  # [grid, columns, points]
    if form.with_floor:
        columns = np.concatenate([columns, np.ones_like(columns[:, :1])], axis=1)
    weights = np.broadcast_to(1 / entropy, (len(columns), len(entropy)))
    factors = non_negative(columns, np.broadcast_to(entropy, weights.shape), weights)
    terms = factors[:, : len(form.sizes)]
    return _theta(form, np.log(np.maximum(terms, 1e-300)), exponents, factors[:, -1])


def _joint(form: Form, entropy: Array, exponents: Array, floor: float) -> Array:
    alpha, beta = exponents[:, :1], exponents[:, 1:]
    wanted, weights = joint_quantity(entropy, floor, beta)
    by_size = np.exp(-alpha / beta * form.sizes[0])
    by_annotations = np.exp(np.broadcast_to(-form.sizes[1], wanted.shape))
    factors = non_negative(np.stack([by_size, by_annotations], axis=1), wanted, weights)
    terms = beta * np.log(np.maximum(factors, 1e-300))
    return _theta(form, terms, exponents, np.full(len(exponents), floor))


def joint_quantity(entropy: Array, floor: float, beta: Array) -> tuple[Array, Array]:
    """z = (L - floor)^(1/beta), and d log L/dz.

    Args:
        entropy: L: [points].
        beta: [problems, 1].

    Returns:
        Two arrays of [problems, points].
    """
    above = entropy - floor
    raised: Array = above ** (1 / beta)
    return raised, beta * above / (entropy * raised)


def _theta(form: Form, terms: Array, exponents: Array, floor: Array) -> Array:
    pairs = np.stack([terms, np.log(exponents)], axis=2).reshape(len(terms), -1)
    return np.concatenate([pairs, floor[:, None]], axis=1) if form.with_floor else pairs


def non_negative(columns: Array, wanted: Array, weights: Array) -> Array:
    """Least squares with factors of at least 0, exactly, by trying which of them are 0.

    Args:
        columns: [problems, factors, points]; at most three factors.
        wanted: [problems, points].
        weights: of the residuals: likewise.

    Returns:
        Factors: [problems, factors].
    """
    scaled, target = columns * weights[:, None], wanted * weights
    normal = np.einsum("gin,gjn->gij", scaled, scaled)
    right = np.einsum("gin,gn->gi", scaled, target)
    count = columns.shape[1]
    best, lowest = np.zeros((len(columns), count)), np.full(len(columns), np.inf)
    for size in range(1, count + 1):
        for chosen in itertools.combinations(range(count), size):
            part = np.ix_(range(len(columns)), chosen, chosen)
            found = np.einsum(
                "gij,gj->gi", np.linalg.pinv(normal[part], hermitian=True), right[:, list(chosen)]
            )
            full = np.zeros_like(best)
            full[:, list(chosen)] = found
            error = ((np.einsum("gin,gi->gn", scaled, full) - target) ** 2).sum(axis=1)
            better = (found >= 0).all(axis=1) & (error < lowest)
            best[better], lowest[better] = full[better], error[better]
    return best
