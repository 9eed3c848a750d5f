"""A fitted law as JSON, and back."""

import dataclasses
from typing import Any

import numpy as np

from llm_encoders.scaling.laws import LAWS
from llm_encoders.scaling.laws.entries import Entry
from llm_encoders.scaling.laws.fitted import Bootstrap, Criterion, FittedLaw, HoldOut
from llm_encoders.scaling.laws.law import ANNOTATIONS, PARAMETERS, Law

_KEYS = (
    *("law", "group", "parameters", "with_delta", "interval", "level", "bootstrap", "scatter"),
    *("r2", "r2_log", "rms_log", "hold_out", "criterion", "range", "fixed", "points", "warnings"),
)
_CHOICES = ("with_delta", "without_delta")


def fitted_json(one: FittedLaw) -> dict[str, Any]:
    """What stands in the list ``laws`` of the file."""
    bootstrap = one.bootstrap and {
        "parameters": list(one.bootstrap.parameters),
        "values": one.bootstrap.values.tolist(),
        "seed": one.bootstrap.seed,
    }
    return {
        "law": one.law.name,
        "group": dict(one.group),
        "parameters": dict(one.values),
        "with_delta": one.with_delta,
        "interval": one.interval and {name: list(ends) for name, ends in one.interval.items()},
        "level": one.level,
        "bootstrap": bootstrap,
        "scatter": one.scatter,
        "r2": one.r2,
        "r2_log": one.r2_log,
        "rms_log": one.rms_log,
        "hold_out": [dataclasses.asdict(rule) for rule in one.hold_out],
        "criterion": one.criterion and dataclasses.asdict(one.criterion),
        "range": one.range and {name: list(ends) for name, ends in one.range.items()},
        "fixed": dict(one.fixed),
        "points": one.points,
        "warnings": list(one.warnings),
    }


def read_fitted(entry: Entry) -> FittedLaw:
    """A law of the list ``laws``.

    Raises:
        EncoderError: a value is missing, of the wrong kind or out of bounds; names the place.
    """
    entry.only(*_KEYS)
    law = LAWS[entry.needed("law").choice(LAWS)]
    values = _values(law, entry.needed("parameters"))
    flag = entry.at("with_delta")
    with_delta = flag is None or flag.flag()
    if not with_delta and values[law.floor]:
        raise entry.error(
            f'has {law.floor} = {values[law.floor]:g} beside "with_delta": false, which says that '
            f"{law.floor} is 0; change one of them"
        )
    interval = entry.at("interval")
    if interval is not None:
        interval.only(*law.parameters)
    level = entry.at("level") if interval is None else entry.needed("level")
    bootstrap, group, sizes = entry.at("bootstrap"), entry.at("group"), entry.at("range")
    hold_out, criterion, fixed = entry.at("hold_out"), entry.at("criterion"), entry.at("fixed")
    points, warnings = entry.at("points"), entry.at("warnings")
    for one in (sizes, fixed):
        if one is not None:
            one.only(PARAMETERS, ANNOTATIONS)
    return FittedLaw(
        law=law,
        values=values,
        group={} if group is None else group.texts(),
        with_delta=with_delta,
        interval=None if interval is None else {name: x.pair() for name, x in interval.fields()},
        level=None if level is None else _level(level),
        bootstrap=None if bootstrap is None else _bootstrap(law, bootstrap),
        scatter=_figure(entry, "scatter", 0),
        r2=_figure(entry, "r2"),
        r2_log=_figure(entry, "r2_log"),
        rms_log=_figure(entry, "rms_log", 0),
        hold_out=() if hold_out is None else tuple(map(_hold_out, hold_out.items())),
        criterion=None if criterion is None else _criterion(criterion),
        range=None if sizes is None else {name: x.pair(above=0) for name, x in sizes.fields()},
        fixed={} if fixed is None else {name: x.number(above=0) for name, x in fixed.fields()},
        points=None if points is None else points.integer(1),
        warnings=() if warnings is None else tuple(one.text() for one in warnings.items()),
    )


def _values(law: Law, entry: Entry) -> dict[str, float]:
    entry.only(*law.parameters)
    return {name: _value(law, name, entry.needed(name)) for name in law.parameters}


def _value(law: Law, name: str, entry: Entry) -> float:
    return entry.number(0) if name == law.floor else entry.number(above=0)


def _figure(entry: Entry, key: str, least: float | None = None) -> float | None:
    found = entry.at(key)
    return None if found is None else found.number(least)


def _level(entry: Entry) -> float:
    level = entry.number(above=0)
    if level >= 1:
        raise entry.error(f"is {level:g}, but must be below 1, as 0.95")
    return level


def _bootstrap(law: Law, entry: Entry) -> Bootstrap:
    entry.only("parameters", "values", "seed")
    names = [one.text() for one in entry.needed("parameters").items()]
    if sorted(names) != sorted(law.parameters):
        raise entry.needed("parameters").error(
            f"must list the parameters of the law {law.name}: {', '.join(law.parameters)}"
        )
    rows = []
    for row in entry.needed("values").items():
        cells = row.items()
        if len(cells) != len(names):
            raise row.error(f"must be a list of {len(names)} numbers, one a parameter")
        rows.append([_value(law, name, x) for name, x in zip(names, cells, strict=True)])
    if not rows:
        raise entry.needed("values").error("is empty")
    return Bootstrap(tuple(names), np.array(rows, float), entry.needed("seed").integer(0))


def _hold_out(entry: Entry) -> HoldOut:
    entry.only(*(one.name for one in dataclasses.fields(HoldOut)))
    inside = entry.at("inside_interval")
    return HoldOut(
        entry.needed("rule").text(),
        entry.needed("trained").integer(1),
        entry.needed("tested").integer(1),
        entry.needed("rms_log").number(0),
        entry.needed("worst").number(0),
        None if inside is None else inside.integer(0),
    )


def _criterion(entry: Entry) -> Criterion:
    entry.only(*(one.name for one in dataclasses.fields(Criterion)))
    return Criterion(
        entry.needed("name").text(),
        _figure(entry, "with_delta"),
        _figure(entry, "without_delta"),
        entry.needed("chosen").choice(_CHOICES),
    )
