"""What one annotation of a source is worth in those of another, by the laws of annotations."""

from collections.abc import Mapping, Sequence

import numpy as np

from llm_encoders.errors import EncoderError
from llm_encoders.scaling.fit.bootstrap import LEVEL
from llm_encoders.scaling.fit.figures import number
from llm_encoders.scaling.laws.exchange import Exchange
from llm_encoders.scaling.laws.fitted import FittedLaw
from llm_encoders.scaling.laws.law import PARAMETERS, Array

_DEFAULT = 3  # entropies
_UNDEFINED = 0.05  # largest share of draws without a figure


def annotations_for(values: Mapping[str, Array], entropy: float) -> Array:
    """D = B/(L - delta)^(1/beta): annotations that reach an entropy; infinite if none do.

    Args:
        values: of the law ``annotations``, arrays for many laws.
        entropy: L, in nats.
    """
    above = np.maximum(entropy - np.asarray(values["delta"], float), 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        found: Array = np.asarray(values["B"]) / above ** (1 / np.asarray(values["beta"]))
    return found


def exchange(
    fitted: FittedLaw,
    reference: FittedLaw,
    measured: tuple[Array, Array],
    entropies: Sequence[float] = (),
) -> list[Exchange]:
    """Rates at some entropies.

    Args:
        fitted: law ``annotations`` of the source, with a bootstrap.
        reference: that of the source it is expressed in.
        measured: entropies that the two were fitted to.
        entropies: in nats; by default three, evenly spread in log over those that both were
            measured at.

    Raises:
        EncoderError: the two are of different model sizes, or were measured at no common entropy
            and none is given.
    """
    names = [" ".join(one.group.values()) for one in (fitted, reference)]
    if fitted.fixed != reference.fixed:
        sizes = [number(one.fixed[PARAMETERS]) for one in (fitted, reference)]
        raise EncoderError(
            f"The laws of annotations of {names[0]} and {names[1]} are of different model sizes, "
            f"{sizes[0]} and {sizes[1]} parameters, and cannot be compared. Choose one that both "
            "have: --where parameters=N."
        )
    low = max(float(one.min()) for one in measured)
    high = min(float(one.max()) for one in measured)
    if not entropies:
        if low >= high:
            raise EncoderError(
                f"{names[0]} and {names[1]} were measured at no common entropy. Name the entropies "
                "to compare them at: --at L."
            )
        entropies = [float(f"{one:.3g}") for one in np.geomspace(low, high, _DEFAULT + 2)[1:-1]]
    return [_rate(fitted, reference, one, low <= one <= high) for one in entropies]


def _rate(fitted: FittedLaw, reference: FittedLaw, entropy: float, inside: bool) -> Exchange:
    worth = float(_worth(_arrays(fitted.values), _arrays(reference.values), entropy))
    assert fitted.bootstrap is not None and reference.bootstrap is not None
    drawn = _worth(fitted.bootstrap.columns(), reference.bootstrap.columns(), entropy)
    known = drawn[~np.isnan(drawn)]
    interval = None
    if len(known) >= (1 - _UNDEFINED) * len(drawn):
        ends = np.quantile(
            known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="inverted_cdf"
        ).tolist()
        if np.isfinite(ends[0]):
            interval = (ends[0], ends[1] if np.isfinite(ends[1]) else None)
    return Exchange(
        group=dict(fitted.group),
        reference=dict(reference.group),
        entropy=entropy,
        worth=worth if np.isfinite(worth) and worth > 0 else None,
        interval=interval,
        inside=inside,
    )


def _arrays(values: Mapping[str, float]) -> dict[str, Array]:
    return {name: np.asarray(value, float) for name, value in values.items()}


def _worth(source: Mapping[str, Array], reference: Mapping[str, Array], entropy: float) -> Array:
    """Annotations of the reference over those of the source; not a number if neither gets there."""
    with np.errstate(invalid="ignore"):
        found: Array = annotations_for(reference, entropy) / annotations_for(source, entropy)
    return found
