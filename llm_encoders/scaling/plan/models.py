"""Real models to choose from: a name and its non-embedding parameters each."""

from pathlib import Path
from typing import Any, NamedTuple

from llm_encoders.errors import EncoderError, UsageError, nearest
from llm_encoders.reading import parse_yaml, read_text
from llm_encoders.scaling.plan import quantity
from llm_encoders.scaling.plan.quantity import Range

_KEYS = ("name", "parameters")
_LEAST = 1000  # a smaller number is surely of millions or billions


class Model(NamedTuple):
    """A model that can be had."""

    name: str
    parameters: float
    """Without embeddings."""


def read_models(text: str) -> list[Model]:
    """Models of a command line, from the smallest to the largest.

    Args:
        text: ``1B=973M,3B=2.8B``, or a YAML file that lists ``{name: 1B, parameters: 973M}``.

    Raises:
        EncoderError: a model that is no name and number, or two of a name.
    """
    found = _of_words(text) if "=" in text else _of_file(Path(text).expanduser())
    names = [model.name for model in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--models {text}: the model '{name}' is there twice.")
    return sorted(found, key=lambda model: model.parameters)


def _of_words(text: str) -> list[Model]:
    found = []
    for word in text.split(","):
        name, separator, size = word.partition("=")
        if not separator or not name.strip():
            raise UsageError(
                f"--models: '{word}' is no model; write NAME=PARAMETERS, as in 1B=973M,3B=2.8B."
            )
        found.append(_model(name.strip(), size, "--models"))
    return found


def _of_file(path: Path) -> list[Model]:
    values = parse_yaml(read_text(path), str(path))
    if not isinstance(values, list) or not values:
        raise EncoderError(f"{path}: expected a list of models, as '- {{name: 1B, parameters: …}}'")
    found = []
    for number, entry in enumerate(values, 1):
        place = f"{path}, model {number}"
        if not isinstance(entry, dict):
            raise EncoderError(f"{place}: expected the keys name and parameters.")
        for key in entry:
            if key not in _KEYS:
                raise EncoderError(f"{place}: unknown key '{key}'.{nearest(str(key), _KEYS)}")
        for key in _KEYS:
            if key not in entry:
                raise EncoderError(f"{place}: the key '{key}' is missing.")
        if not str(entry["name"] or "").strip():
            raise EncoderError(f"{place}: the name is empty.")
        found.append(_model(str(entry["name"]).strip(), entry["parameters"], place))
    return found


def _model(name: str, size: Any, place: str) -> Model:
    parameters = quantity.parse(size, f"{place}: size of {name}", Range(above=0))
    if parameters < _LEAST:
        raise EncoderError(
            f"{place}: size of {name} is {parameters:g}; write all its parameters, as 7B, 7e9 or "
            "7000000000."
        )
    return Model(name, parameters)
