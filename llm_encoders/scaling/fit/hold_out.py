"""What a law fitted to the small points predicts of the largest ones."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from llm_encoders.scaling.fit.bootstrap import redraw
from llm_encoders.scaling.fit.deviations import Deviations
from llm_encoders.scaling.fit.eligible import cells, obstacle
from llm_encoders.scaling.fit.fitting import fit
from llm_encoders.scaling.fit.forecast import measurement_band
from llm_encoders.scaling.fit.form import Form
from llm_encoders.scaling.laws.fitted import HoldOut
from llm_encoders.scaling.laws.law import Array, Law


def hold_out(
    law: Law,
    sizes: Mapping[str, Array],
    measured: Array,
    with_floor: bool,
    draws: int,
    seed: int,
) -> tuple[HoldOut, ...]:
    """Try every rule by which the points left over identify the law.

    Args:
        sizes: N and D of every point.
        measured: log entropy: [points].
        with_floor: whether the floor is fitted.
        draws: of the bootstrap.
        seed: of the draws.
    """
    found = []
    for rule, small, large in _rules(law, sizes):
        trained = {name: values[small] for name, values in sizes.items()}
        if not large.any() or not small.any() or obstacle(law, trained, with_floor):
            continue
        form = Form.of(law, trained, with_floor)
        fitted = fit(form, measured[small])
        deviations = Deviations.of(fitted.residuals[0], cells(trained), fitted.theta.shape[1])
        tested = {name: values[large] for name, values in sizes.items()}
        errors = measured[large] - form.at(tested).evaluate(fitted.theta)[0][0]
        bootstrap = redraw(form, fitted, deviations, draws, seed, f"{law.name}, {rule}")
        freedom = len(fitted.residuals[0]) - fitted.theta.shape[1]
        low, high = measurement_band(law, bootstrap, deviations.scatter, freedom, tested)
        entropy = np.exp(measured[large])
        found.append(
            HoldOut(
                rule=rule,
                trained=int(small.sum()),
                tested=int(large.sum()),
                rms_log=float(np.sqrt((errors**2).mean())),
                worst=float(np.abs(errors).max()),
                inside_interval=int(((low <= entropy) & (entropy <= high)).sum()),
            )
        )
    return tuple(found)


def _rules(
    law: Law, sizes: Mapping[str, Array]
) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Name, points to fit to, points to predict."""
    largest = {name: sizes[name] == sizes[name].max() for name in law.uses}
    for name, flags in largest.items():
        yield f"largest {name}", ~flags, flags
    if len(largest) == 2:  # the corner: neither of its sizes is known to the law
        first, second = largest.values()
        yield f"largest {' and '.join(largest)}", ~first & ~second, first & second
