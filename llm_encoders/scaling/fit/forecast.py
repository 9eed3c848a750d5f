"""What a law says of sizes that were not measured, and how far it can be trusted there."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from llm_encoders.scaling.fit.bootstrap import LEVEL, interval
from llm_encoders.scaling.fit.figures import number
from llm_encoders.scaling.laws.fitted import DECADE, Bootstrap, FittedLaw
from llm_encoders.scaling.laws.law import Array, Law


@dataclass(frozen=True)
class Forecast:
    """Entropy at a size.

    Args:
        sizes: N, D or both.
        entropy: in nats.
        law: band of the law itself, in nats.
        measurement: band of one measurement there.
        warnings: sentences.
    """

    sizes: Mapping[str, float]
    entropy: float
    law: tuple[float, float]
    measurement: tuple[float, float]
    warnings: tuple[str, ...]


def forecast(fitted: FittedLaw, sizes: Mapping[str, float]) -> Forecast:
    """The entropy that a fitted law predicts.

    Args:
        fitted: with a bootstrap.
        sizes: N, D or both, as the law uses them.
    """
    draws = fitted.draws(**sizes)
    assert draws is not None and fitted.bootstrap is not None and fitted.scatter is not None
    points = {name: np.array([size]) for name, size in sizes.items()}
    freedom = (fitted.points or 2) - len(fitted.interval or ())
    low, high = measurement_band(fitted.law, fitted.bootstrap, fitted.scatter, freedom, points)
    return Forecast(
        sizes,
        float(fitted.predict(**sizes)),
        interval(draws),
        (float(low[0]), float(high[0])),
        tuple(_warnings(fitted, sizes)),
    )


def measurement_band(
    law: Law, bootstrap: Bootstrap, scatter: float, freedom: int, sizes: Mapping[str, Array]
) -> tuple[Array, Array]:
    """Where one measurement lies: the law's uncertainty, and the scatter of measurements.

    Args:
        scatter: standard deviation of the log of one measurement.
        freedom: degrees of freedom that it was estimated with.
        sizes: N and D, as the law uses them: [points] each.

    Returns:
        Lower and upper end in nats: [points] each.
    """
    values = {name: column[:, None] for name, column in bootstrap.columns().items()}
    laws = law.predict(values, **{name: sizes[name] for name in law.uses})  # [draws, points]
    generator = np.random.default_rng(bootstrap.seed)
    noise = np.clip(scatter * generator.standard_t(max(freedom, 1), laws.shape), -30, 30)
    drawn = laws * np.exp(noise)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def _warnings(fitted: FittedLaw, sizes: Mapping[str, float]) -> list[str]:
    found = []
    for name, (low, high) in (fitted.range or {}).items():
        if name in sizes and (beyond := fitted.beyond(name, sizes[name])) > DECADE:
            found.append(
                f"{name} = {number(sizes[name])} lies {np.log10(beyond):.1f} decades beyond the "
                f"points ({number(low)} to {number(high)}). The band holds only if the law does "
                "out there, which no point shows. Measure nearer to it before you rely on it."
            )
    return found
