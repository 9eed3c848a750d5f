"""What annotating, training and searching cost: every price with its unit, none assumed."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_encoders.errors import EncoderError, UsageError, nearest
from llm_encoders.reading import parse_yaml, read_text
from llm_encoders.scaling.plan import quantity
from llm_encoders.scaling.plan.quantity import Range

_SECONDS_PER_HOUR = 3600
_LINE = re.compile(r"\s*(\w+)\s*:\s*([^\s#]+)\s*(?:#.*)?")
"""A price as it is written, before YAML makes a number of it."""


def _price(unit: str, meaning: str, **bounds: float) -> Any:
    allowed = Range(**(bounds or {"least": 0}))
    metadata = {"unit": unit, "meaning": meaning, "allowed": allowed}
    return dataclasses.field(default=None, metadata=metadata)


@dataclass(frozen=True)
class Prices:
    """All prices and amounts; ``None`` where one is not given. Money is of any one currency."""

    annotation: float | None = _price(
        "money/annotation", "one annotation: a query with a passage that is relevant to it"
    )
    training_flop: float | None = _price(
        "money/FLOP",
        "one floating-point operation of training; or give gpu_hour, gpu_flops and "
        "training_utilisation",
    )
    inference_flop: float | None = _price(
        "money/FLOP",
        "one floating-point operation of encoding; or give gpu_hour, gpu_flops and "
        "inference_utilisation",
    )
    gpu_hour: float | None = _price("money/hour", "one hour of one GPU")
    gpu_flops: float | None = _price("FLOP/s", "what that GPU can do at most", above=0)
    training_utilisation: float | None = _price(
        "share", "the part of gpu_flops that training reaches, at most 1", above=0, most=1
    )
    inference_utilisation: float | None = _price(
        "share", "the part of gpu_flops that encoding reaches, at most 1", above=0, most=1
    )
    pair_tokens: float | None = _price(
        "tokens/pair",
        "tokens that an annotation is trained on in one pass: the query, its passage and its share "
        "of the negatives",
        above=0,
    )
    epochs: float | None = _price("passes", "passes over the annotations in training", above=0)
    training_tokens: float | None = _price(
        "tokens",
        "tokens of a training of fixed length, however many annotations there are; in place of "
        "pair_tokens and epochs",
        above=0,
    )
    passages: float | None = _price("passages", "passages in the corpus")
    passage_tokens: float | None = _price("tokens/passage", "tokens of a passage, on average")
    reencodings: float | None = _price(
        "times", "times that the whole corpus is encoded again over the horizon; 0 for never"
    )
    indexed_passage: float | None = _price(
        "money/passage",
        "keeping one passage in the index over the horizon; paid once, whatever the model",
    )
    queries_per_day: float | None = _price("queries/day", "queries a day")
    horizon_days: float | None = _price("days", "days that the model serves")
    query_tokens: float | None = _price("tokens/query", "tokens of a query, on average")

    def training_flop_price(self) -> float:
        """Money a floating-point operation of training."""
        return self._flop("training")

    def inference_flop_price(self) -> float:
        """Money a floating-point operation of encoding."""
        return self._flop("inference")

    def tokens(self) -> tuple[float, float]:
        """Tokens of a training: fixed ones, and those of every annotation.

        Raises:
            UsageError: neither is given, or both are.
        """
        by_pair = {"pair_tokens": self.pair_tokens, "epochs": self.epochs}
        if self.training_tokens is None:
            pair_tokens, epochs = self.need(*by_pair, instead="training_tokens")
            return 0.0, pair_tokens * epochs
        if given := [name for name, value in by_pair.items() if value is not None]:
            raise UsageError(
                f"training_tokens is given beside {' and '.join(given)}; a training has either a "
                "fixed length or a number of passes over the annotations."
            )
        return self.training_tokens, 0.0

    def need(self, *names: str, instead: str = "") -> list[float]:
        """These prices.

        Args:
            names: their keys.
            instead: what could be given in their place.

        Raises:
            UsageError: one is missing.
        """
        missing = [name for name in names if getattr(self, name) is None]
        if missing:
            raise _missing(missing, instead)
        return [getattr(self, name) for name in names]

    def given(self) -> dict[str, float]:
        """What is given, by key."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def _flop(self, purpose: str) -> float:
        key, utilisation = f"{purpose}_flop", f"{purpose}_utilisation"
        price: float | None = getattr(self, key)
        if price is None:
            gpu = ("gpu_hour", "gpu_flops", utilisation)
            hour, flops, share = self.need(*gpu, instead=key)
            return hour / (_SECONDS_PER_HOUR * flops * share)
        if getattr(self, utilisation) is not None:
            raise UsageError(f"Both {key} and {utilisation} are given: leave one out.")
        return price


def _missing(names: list[str], instead: str) -> UsageError:
    fields = {one.name: one for one in dataclasses.fields(Prices)}
    described = "; ".join(f"{name} ({fields[name].metadata['unit']})" for name in names)
    other = f", or {instead} in their place" if instead else ""
    return UsageError(
        f"No price is assumed: {described} {'is' if len(names) == 1 else 'are'} missing. Give "
        f"{'it' if len(names) == 1 else 'them'} in the file of --prices or as options{other}."
    )


def read_prices(path: Path | None, options: Mapping[str, float | None]) -> Prices:
    """Prices of a YAML file, and of options, which replace those of the file.

    Args:
        path: the file: one key a line, as in ``annotation: 0.6``; ``None`` for options alone.
        options: by key; ``None`` where one is not given.

    Raises:
        EncoderError: an unknown key (names the nearest), or a value that is no number or out of
            bounds.
    """
    found: dict[str, float] = {}
    if path is not None:
        text = read_text(path)
        values = parse_yaml(text, str(path))
        for number, line in enumerate(text.splitlines(), 1):
            if price := _LINE.fullmatch(line):
                quantity.require_settled(price[2], f"{path}, line {number}: {price[1]}")
        if not isinstance(values, dict):
            raise EncoderError(f"{path}: expected one price a line, as in 'annotation: 0.6'.")
        fields = {one.name: one for one in dataclasses.fields(Prices)}
        for key, value in values.items():
            if key not in fields:
                hint = nearest(str(key), fields)
                raise EncoderError(f"{path}: unknown price '{key}'.{hint}")
            name = f"{path}: {key}"
            found[key] = quantity.parse(value, name, fields[key].metadata["allowed"])
    return Prices(**found | {key: value for key, value in options.items() if value is not None})
