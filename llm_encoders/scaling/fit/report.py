"""Fitted laws as text that a newcomer can read."""

from collections.abc import Mapping, Sequence

from llm_encoders.scaling.fit.figures import number
from llm_encoders.scaling.fit.forecast import Forecast
from llm_encoders.scaling.fit.points import ENTROPY, Points
from llm_encoders.scaling.laws.exchange import Exchange
from llm_encoders.scaling.laws.fitted import FittedLaw, HoldOut
from llm_encoders.scaling.laws.law import ANNOTATIONS, PARAMETERS

LEGEND = (
    "N: parameters of the model without its embeddings. D: annotations, pairs of a query and a "
    "relevant passage, that it is trained on. L: contrastive entropy in nats.\n"
    "Errors are of log L, as per cent of L; typical: root mean square. Intervals: 95 %.\n"
    "AICc: information criterion, lower is better; a difference below 2 says little."
)


def heading(points: Points, conditions: Mapping[str, str]) -> str:
    """What was read."""
    shared = "; ".join(f"{name} {value}" for name, value in conditions.items())
    return f"{points.path}: {_extent(points)}." + (f" All have {shared}." if shared else "")


def group_heading(group: Mapping[str, str], points: Points) -> str:
    """Of the points of a group."""
    name = ", ".join(f"{column} {value or '(none)'}" for column, value in group.items())
    return f"== {name}: {_extent(points)} =="


def _extent(points: Points) -> str:
    sizes = []
    for name in (PARAMETERS, ANNOTATIONS):
        values = points.sizes[name]
        count = len(set(values.tolist()))
        if count > 1:
            sizes.append(
                f"{count} sizes from {number(values.min())} to {number(values.max())} {name}"
            )
        else:
            sizes.append(f"{number(values[0])} {name}")
    entropy = points.sizes[ENTROPY]
    many = "point" if len(points) == 1 else "points"
    return (
        f"{len(points)} {many}, {', '.join(sizes)}, entropy {entropy.min():.4g} to "
        f"{entropy.max():.4g}"
    )


def law_text(fitted: FittedLaw) -> str:
    """A fitted law: values, quality, warnings."""
    at = "".join(f", at {number(value)} {name}" for name, value in fitted.fixed.items())
    lines = [f"{fitted.law.name}: {fitted.law.equation}", f"  {fitted.points} points{at}"]
    intervals = fitted.interval or {}
    rows = [("", "value", "95 % interval")]
    for name, value in fitted.values.items():
        if name in intervals:
            low, high = intervals[name]
            rows.append((name, number(value), f"{number(low)} to {number(high)}"))
        else:
            rows.append((name, number(value), "fixed"))
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    lines += [f"  {row[0]:{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]}" for row in rows]
    lines.append(
        f"  R² {_share(fitted.r2)} of L, {_share(fitted.r2_log)} of log L; typical error "
        f"{_percent(fitted.rms_log)}, scatter of one measurement {_percent(fitted.scatter)}"
    )
    lines += [f"  {_held_out(one)}" for one in fitted.hold_out]
    lines += _criterion(fitted)
    lines += [f"  warning: {one}" for one in fitted.warnings]
    return "\n".join(lines)


def forecast_text(fitted: FittedLaw, found: Forecast) -> str:
    """A forecast by a law."""
    sizes = ", ".join(f"{name} {number(value)}" for name, value in found.sizes.items())
    name = ", ".join([*fitted.group.values(), fitted.law.name])
    line = (
        f"Forecast by {name} at {sizes}: L = {found.entropy:.4g}; the law lies between "
        f"{found.law[0]:.4g} and {found.law[1]:.4g}, one measurement between "
        f"{found.measurement[0]:.4g} and {found.measurement[1]:.4g}."
    )
    at = [
        f"It is of models trained on {number(value)} annotations."
        if name == ANNOTATIONS
        else f"It is of models of {number(value)} parameters."
        for name, value in fitted.fixed.items()
    ]
    return "\n".join([" ".join([line, *at]), *(f"  warning: {one}" for one in found.warnings)])


def exchange_text(rates: Sequence[Exchange]) -> str:
    """What annotations are worth, a line each."""
    reference = " ".join(rates[0].reference.values())
    lines = [f"What one annotation is worth, in annotations of {reference}:"]
    for one in rates:
        name = " ".join(one.group.values())
        if one.worth is None:
            said = "no figure: a law never reaches that entropy"
        else:
            said = number(one.worth)
        if one.interval is not None:
            low, high = one.interval
            upper = "without bound" if high is None else number(high)
            said += f" ({number(low)} to {upper})"
        note = "" if one.inside else "; beyond the entropies that both were measured at"
        lines.append(f"  {name} at L = {one.entropy:.4g}: {said}{note}")
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.2g} %"


def _held_out(one: HoldOut) -> str:
    return (
        f"held out, {one.rule}: fitted to {one.trained} points, predicted {one.tested}; typical "
        f"error {_percent(one.rms_log)}, worst {_percent(one.worst)}; {one.inside_interval} of "
        f"{one.tested} inside the interval"
    )


def _criterion(fitted: FittedLaw) -> list[str]:
    one = fitted.criterion
    if one is None or one.with_delta is None or one.without_delta is None:
        return []
    better = "with" if one.chosen == "with_delta" else "without"
    return [
        f"  {one.name} with {fitted.law.floor} {one.with_delta:.1f}, without "
        f"{one.without_delta:.1f}: better {better} it"
    ]
