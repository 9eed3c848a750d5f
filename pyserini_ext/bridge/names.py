"""Which encoder names are ours, decided without network and without PyTorch."""

import difflib
import os
import re
import sys
from pathlib import Path

from llm_encoders import registry
from llm_encoders.checkpoints import hub
from llm_encoders.checkpoints.layouts.lion import lion_paradigm
from llm_encoders.config import CONFIG_NAME, EncoderConfig
from llm_encoders.errors import UsageError

_TYPO_CUTOFF = 0.85  # 'lmm-splade-8b' is ours, 'distilsplade_max' and 'splade_v2_max' are not
_NEAR_NAME = re.compile(r"llm-.*|(splade|sparse|dense)-(tiny|\d+b)")


def is_ours(spec: object) -> bool:
    """Whether an ``--encoder`` value is for this package; everything else stays Pyserini's.

    Ours are: the named encoders (and words like them, so that a typo is answered with the known
    name); the Hub ids behind them, those of whole models once they are in the local cache; folders
    with an ``encoder_config.json`` or an adapter of Lion's classes; Hub ids whose
    ``encoder_config.json`` is in the local cache; and anything written with an option, as in
    ``my/model,paradigm=sparse,like=lion``.
    """
    if not isinstance(spec, str) or not spec:
        return False
    try:
        name, options = registry.parse_spec(spec)
    except UsageError:
        return any(f",{option}=" in spec for option in registry.SPEC_OPTIONS)
    preset = registry.find(name)
    if options:
        return True
    if preset is not None:
        return _is_taken(preset, name)
    if name in registry.presets():
        return True
    if os.path.exists(name):
        return (Path(name) / CONFIG_NAME).is_file() or lion_paradigm(Path(name)) is not None
    if hub.looks_like_hub_id(name):
        return hub.cached_file(name, CONFIG_NAME) is not None
    plain = name.lower().replace("_", "-")
    if _NEAR_NAME.fullmatch(plain):
        return True
    known = [one.name for one in registry.presets().values() if not one.foreign]
    return bool(difflib.get_close_matches(plain, known, n=1, cutoff=_TYPO_CUTOFF))


def _is_taken(preset: registry.Preset, name: str) -> bool:
    """Whether a named encoder is ours by this name, its own or that of its repository.

    A repository that holds a whole model is Pyserini's until it is in the local cache, and what
    cannot be loaded here stays Pyserini's.
    """
    if preset.foreign:
        return False
    whole = preset.model is not None and name != preset.name
    return not whole or hub.cached_file(name, "config.json") is not None


def paradigm_of(spec: str) -> str | None:
    """``"sparse"`` or ``"dense"`` where name, contract or options tell it, else ``None``."""
    name, options = registry.parse_spec(spec)
    preset = registry.find(name)
    if preset is not None:
        return preset.contract.paradigm
    if (Path(name) / CONFIG_NAME).is_file():
        return EncoderConfig.load(name).paradigm
    if hub.looks_like_hub_id(name) and (cached := hub.cached_file(name, CONFIG_NAME)):
        return EncoderConfig.load(cached.parent).paradigm
    return lion_paradigm(Path(name)) or options.get("paradigm")


def option_value(name: str, arguments: list[str] | None = None) -> str | None:
    """Value of ``--name VALUE`` or ``--name=VALUE`` on the command line, ``None`` if absent."""
    return next(iter(option_values(name, arguments)), None)


def option_values(name: str, arguments: list[str] | None = None) -> list[str]:
    """All values of an option: ``pyserini.search.hybrid`` takes two encoders."""
    words = sys.argv[1:] if arguments is None else arguments
    found = []
    for word, following in zip(words, [*words[1:], None], strict=False):
        if word == name and following is not None:
            found.append(following)
        elif word.startswith(f"{name}="):
            found.append(word.partition("=")[2])
    return found
