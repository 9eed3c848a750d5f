"""Which encoder names are ours, decided without network and without PyTorch."""

import difflib
import os
import re
import sys
from pathlib import Path

from llm_encoders import registry
from llm_encoders.checkpoints import hub
from llm_encoders.checkpoints.layouts import is_recognised, read_layout
from llm_encoders.config import CONFIG_NAME, CONTRACT_KEYS, EncoderConfig
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.registry import CHECKPOINT_FILES
from llm_encoders.spec import SPEC_OPTIONS, parse_spec

_TYPO_CUTOFF = 0.85  # 'lmm-splade-8b' is ours, 'distilsplade_max' and 'splade_v2_max' are not
_OPTIONS = (*SPEC_OPTIONS, *CONTRACT_KEYS)
_WRITTEN = re.compile(rf",\s*({'|'.join(_OPTIONS)})\s*=", re.IGNORECASE)
_NEAR_NAME = re.compile(r"llm-.*|(splade|sparse|dense)-(tiny|\d+b)")
_announced: set[str] = set()


def is_ours(spec: object) -> bool:
    """Whether an ``--encoder`` value is for this package; everything else stays Pyserini's.

    Ours are: the named encoders (and words like them, so that a typo is answered with the known
    names); folders with an ``encoder_config.json``, and Hub ids that have one in the local cache;
    anything written with an option, as in ``my/model,paradigm=sparse,like=lion``; and what is
    :func:`taken_over`.
    """
    if not isinstance(spec, str) or not spec:
        return False
    try:
        name, options = parse_spec(spec)
    except UsageError:
        before = spec.partition(",")[0]
        return before in registry.presets() or _WRITTEN.search(spec) is not None
    if options:
        return True
    preset = registry.find(name)
    if preset is not None:
        return _is_taken(preset, name)
    if name in registry.presets() or taken_over(name):
        return True
    if os.path.exists(name):
        return (Path(name) / CONFIG_NAME).is_file()
    if hub.looks_like_hub_id(name):
        return hub.cached_file(name, CONFIG_NAME) is not None
    plain = name.lower().replace("_", "-")
    if _NEAR_NAME.fullmatch(plain):
        return True
    known = [one.name for one in registry.presets().values() if not one.foreign]
    return bool(difflib.get_close_matches(plain, known, n=1, cutoff=_TYPO_CUTOFF))


def taken_over(name: str) -> bool:
    """Whether a bare folder or Hub id is ours although nothing of ours is written in it.

    That is one that Pyserini's own classes would encode wrongly: the repository of a named
    encoder, or a decoder whose publisher's files say how it encodes; a repository is seen once it
    is in the local cache.
    """
    preset = registry.find(name)
    if preset is not None:
        return name != preset.name and _is_taken(preset, name)
    folder = _folder_of(name)
    return folder is not None and not (folder / CONFIG_NAME).is_file() and is_recognised(folder)


def _is_taken(preset: registry.Preset, name: str) -> bool:
    """Whether a named encoder is ours by this name, its own or that of its repository.

    A repository that holds a whole model is Pyserini's until it is in the local cache, and what
    cannot be loaded here stays Pyserini's.
    """
    if preset.foreign:
        return False
    whole = preset.model is not None and name != preset.name
    return not whole or hub.cached_file(name, "config.json") is not None


def _folder_of(name: str) -> Path | None:
    """Where the files of a folder or Hub id are, as far as they are on this machine."""
    if os.path.exists(name):
        return Path(name)
    return hub.cached_folder(name, CHECKPOINT_FILES) if hub.looks_like_hub_id(name) else None


def paradigm_of(spec: str) -> str | None:
    """``"sparse"`` or ``"dense"`` where name, contract or options tell it, else ``None``."""
    name, options = parse_spec(spec)
    known = registry.find(name)
    if known is not None:
        return known.contract.paradigm
    folder = _folder_of(name)
    if folder is not None and (folder / CONFIG_NAME).is_file():
        return EncoderConfig.load(folder).paradigm
    alike = registry.find_preset(options["like"]) if "like" in options else None
    if alike is not None:
        return alike.contract.paradigm
    try:
        derived = None if folder is None else read_layout(folder, CONTRACT_KEYS)
    except EncoderError:  # loading says it in a sentence
        derived = None
    return derived.contract.paradigm if derived else options.get("paradigm")


def announce_takeover(spec: str, *ways: str) -> None:
    """Say, once, that an encoder that Pyserini might have opened itself is opened here.

    Args:
        spec: the ``--encoder`` value.
        ways: other ways to hand it back than by the environment.
    """
    try:
        name = parse_spec(spec)[0]
    except UsageError:  # loading says it
        return
    if name != spec or name in _announced or not taken_over(name):
        return
    from pyserini_ext.bridge.hook import SWITCH  # which arms the hook, so not before there is one

    _announced.add(name)
    back = " or ".join((f"{SWITCH}=0 in the environment", *ways))
    print(
        f"{name} is encoded by llm_encoders, as its publisher describes it, and not by Pyserini's "
        f"own classes; {back} hands it back.",
        file=sys.stderr,
        flush=True,
    )


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
