"""Fitting: read the points, fit every law of every group, report, write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from llm_encoders.errors import EncoderError, UsageError, listed, nearest
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.outputs import require_writable
from llm_encoders.jobs.plotting import NO_PLOT, can_plot
from llm_encoders.reading import read_record
from llm_encoders.scaling.fit import plot, report
from llm_encoders.scaling.fit.exchange_rates import exchange
from llm_encoders.scaling.fit.forecast import forecast
from llm_encoders.scaling.fit.law_fit import Settings, Unidentifiable, fit_law
from llm_encoders.scaling.fit.points import Points, read_points
from llm_encoders.scaling.fit.selection import groups, require_alike, same, shared, where
from llm_encoders.scaling.laws import LAWS
from llm_encoders.scaling.laws.annotations import BY_ANNOTATIONS
from llm_encoders.scaling.laws.exchange import Exchange
from llm_encoders.scaling.laws.file import FORMAT, LawsFile, PointsFile, write_laws
from llm_encoders.scaling.laws.fitted import FittedLaw

DEFAULT_LAWS = ("model-size", "annotations", "joint", "additive")


@dataclass(frozen=True)
class Options:
    """What is fitted, and where it goes; see the command's help."""

    points: Path
    output: Path
    laws: tuple[str, ...] = DEFAULT_LAWS
    where: tuple[tuple[str, str], ...] = ()
    by: tuple[str, ...] = ()
    reference: str | None = None
    at: tuple[float, ...] = ()
    predict: tuple[Mapping[str, float], ...] = ()
    plot: Path | None = None
    settings: Settings = field(default_factory=Settings)


@dataclass
class _Group:
    """Points that are alike, and the laws fitted to them."""

    group: dict[str, str]
    points: Points
    laws: dict[str, tuple[FittedLaw, Points]]
    reasons: dict[str, str]


def fit_file(options: Options) -> LawsFile:
    """Fit, print the report, and write ``laws.json`` and the plots.

    Raises:
        UsageError: a column, value or law that the points do not have.
        EncoderError: bad points, or no law that can be fitted to them.
    """
    _require_replaceable(options.output)
    if options.plot is not None and options.plot.exists() and not options.plot.is_dir():
        raise UsageError(f"--plot {options.plot} is a file. Name a folder.")
    _require_laws(options)
    points = where(read_points(options.points), options.where)
    found = [_fitted(group, part, options) for group, part in groups(points, options.by)]
    if not any(one.laws for one in found):
        reasons = [
            f"{', '.join([*one.group.values(), name])}: {reason}."
            for one in found
            for name, reason in one.reasons.items()
        ]
        raise EncoderError(
            "\n  ".join([f"{options.points}: no law can be fitted to the points:", *reasons])
        )
    rates = _rates(found, options)
    content = LawsFile(
        laws=tuple(law for one in found for law, _ in one.laws.values()),
        points=PointsFile(points.path.name, points.sha256, len(points)),
        conditions=shared(points),
        exchange=tuple(rates),
    )
    text = _report(points, found, content, options)
    write_laws(options.output, content)
    written = [str(options.output), *_plots(found, options)]
    print(f"{text}\n\nWritten: {listed(written)}.")
    if options.plot is not None and not can_plot():
        print(NO_PLOT)
    return content


def _fitted(group: dict[str, str], points: Points, options: Options) -> _Group:
    require_alike(points)
    found = _Group(group, points, {}, {})
    for name in options.laws:
        try:
            found.laws[name] = fit_law(LAWS[name], points, group, options.settings)
        except Unidentifiable as reason:
            found.reasons[name] = str(reason)
    return found


def _report(points: Points, found: Sequence[_Group], content: LawsFile, options: Options) -> str:
    parts = [report.heading(points, content.conditions)]
    for one in found:
        if one.group:
            parts.append(report.group_heading(one.group, one.points))
        parts += [report.law_text(law) for law, _ in one.laws.values()]
        if one.reasons:
            lines = [f"  {name}: {reason}." for name, reason in one.reasons.items()]
            parts.append("\n".join(["Not fitted:", *lines]))
    parts += [text for sizes in options.predict for text in _forecasts(content.laws, sizes)]
    if content.exchange:
        parts.append(report.exchange_text(content.exchange))
    return "\n\n".join([*parts, report.LEGEND])


def _forecasts(laws: Sequence[FittedLaw], sizes: Mapping[str, float]) -> list[str]:
    able = [law for law in laws if set(law.law.uses) == set(sizes)]
    if not able:
        raise EncoderError(
            f"--predict: no law of {listed(sorted(sizes))} can be fitted to the points, only "
            f"{listed(sorted({law.law.name for law in laws}))}."
        )
    return [report.forecast_text(law, forecast(law, sizes)) for law in able]


def _rates(found: Sequence[_Group], options: Options) -> list[Exchange]:
    """Of every group against the one that has the reference in the first column of ``by``."""
    if options.reference is None:
        return []
    column, *others = options.by
    values = [one.group[column] for one in found]
    references = [one for one in found if same(one.group[column], options.reference)]
    if not references:
        hint = nearest(options.reference, values) or f" It is {listed(sorted(set(values)))}."
        raise UsageError(f"--reference {options.reference}: no point has it as {column}.{hint}")
    rates = []
    for one in found:
        if same(one.group[column], options.reference):
            continue
        reference = [r for r in references if all(r.group[o] == one.group[o] for o in others)]
        if reference:
            (law, own), (base, its) = _law_of_annotations(one), _law_of_annotations(reference[0])
            rates += exchange(law, base, (own.entropy, its.entropy), options.at)
    if not rates:
        raise UsageError(
            f"--reference {options.reference}: there is no other value of {column} to compare with."
        )
    return rates


def _law_of_annotations(one: _Group) -> tuple[FittedLaw, Points]:
    if BY_ANNOTATIONS.name not in one.laws:
        raise EncoderError(
            f"{one.points.path}: {listed(list(one.group.values()))} has no law of annotations to "
            f"compare: {one.reasons[BY_ANNOTATIONS.name]}."
        )
    return one.laws[BY_ANNOTATIONS.name]


def _plots(found: Sequence[_Group], options: Options) -> list[str]:
    if options.plot is None or not can_plot():
        return []
    options.plot.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    for law, points in [pair for one in found for pair in one.laws.values()]:
        path = options.plot / plot.file_name(law)
        if str(path) in written:  # of groups whose names differ in signs that a file's cannot have
            path = path.with_stem(f"{path.stem}-{len(written)}")
        write_atomically(path, plot.plot(law, points))
        written.append(str(path))
    return written


def _require_laws(options: Options) -> None:
    """Refuse what needs groups or laws that are not asked for."""
    if options.at and options.reference is None:
        raise UsageError("--at needs --reference, the value that others are compared with.")
    if options.reference is not None and not options.by:
        raise UsageError("--reference compares groups of points. Add --by source.")
    if options.reference is not None and BY_ANNOTATIONS.name not in options.laws:
        raise UsageError("--reference compares laws of annotations. Add annotations to --laws.")
    for sizes in options.predict:
        if not any(set(LAWS[name].uses) == set(sizes) for name in options.laws):
            raise UsageError(
                f"--predict: no law of {listed(sorted(sizes))} is among --laws "
                f"{' '.join(options.laws)}."
            )


def _require_replaceable(path: Path) -> None:
    """Refuse to write over anything but a file of laws."""
    require_writable(path, "--output")
    if path.exists() and read_record(path).get("format") != FORMAT:
        raise UsageError(
            f"--output {path} exists and is no file of laws. Name another file, or remove it."
        )
