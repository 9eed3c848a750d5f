"""Named encoders: the presets that ship as YAML."""

import dataclasses
import functools
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from llm_encoders.config import CONFIG_NAME, FILE_KEYS, EncoderConfig
from llm_encoders.errors import UsageError, nearest
from llm_encoders.reading import parse_yaml

CHECKPOINT_FILES = (CONFIG_NAME, "adapter_config.json", "config.json")
_LENGTHS = ("query_max_length", "passage_max_length")


@dataclass(frozen=True)
class Preset:
    """One named encoder: where its weights are and how to use and cite them."""

    name: str
    description: str
    licence: str
    citation: str
    contract: EncoderConfig
    """How it encodes. With a ``layout``, only the keys that are written in the preset count; what
    it leaves open is read from the repository's files."""
    parameters: str | None = None
    """How many it has, e.g. ``0.6B``."""
    adapter: str | None = None
    """Hub id of the LoRA adapter."""
    model: str | None = None
    """Hub id of a whole model, which has no adapter."""
    backbone: str | None = None
    """Hub id of the backbone under the adapter; of a whole model, what it was trained from."""
    tokenizer: str | None = None
    """Hub id of the repository with the tokenizer, where the checkpoint's own has none."""
    folder: str | None = None
    """Checkpoint folder inside this package, for weights that ship with it."""
    layout: str | None = None
    """Layout of the repository's files (:mod:`llm_encoders.checkpoints.layouts`), where the
    contract leaves something to them."""
    dimension: int | None = None
    """Components of a dense vector; ``None`` where no source was read."""
    context_length: int | None = None
    """Tokens that the model was made for, at most; ``None`` where no source was read."""
    unavailable: str | None = None
    """Why there is nothing to load, and what to use instead."""
    scores: list[dict[str, Any]] = field(default_factory=list)
    """Published figures, each with ``dataset``, ``metric``, ``value`` and ``source``."""
    written: frozenset[str] = frozenset()
    """The contract's keys that the preset's file has."""

    @property
    def lendable(self) -> bool:
        """Whether the contract can be given to a checkpoint that says nothing: nothing of it is
        left to files."""
        kind = ("logit_scale",) if self.contract.paradigm == "sparse" else ("pooling", "normalize")
        needed = {"attention", "query_prefix", *kind}
        if self.contract.pooling == "last":
            needed.add("append_eos")
        if self.context_length is None:
            needed |= {*_LENGTHS}
        return not self.unavailable and (self.layout is None or needed <= self.written)

    @property
    def foreign(self) -> bool:
        """Whether it is somebody's checkpoint that cannot be loaded here; others may load it."""
        return bool(self.unavailable and self.repository)

    @property
    def repository(self) -> str | None:
        """Hub id of what is loaded."""
        return self.adapter or self.model

    @property
    def local_folder(self) -> Path | None:
        """Absolute path of the shipped checkpoint."""
        return Path(__file__).parent / self.folder if self.folder else None


@functools.cache
def presets() -> dict[str, Preset]:
    """All named encoders by name."""
    found = {}
    for entry in sorted(resources.files("llm_encoders.presets").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".yaml"):
            preset = read_preset(entry.read_text(encoding="utf-8"), entry.name)
            found[preset.name] = preset
    return found


def read_preset(text: str, source: str) -> Preset:
    """Parse one preset; an unknown or missing key is an error that names the nearest valid one."""
    values = parse_yaml(text, source, shipped=True)
    known = {f.name: f for f in dataclasses.fields(Preset) if f.name != "written"}
    for key in values:
        if key not in known:
            raise UsageError(f"{source}: unknown key '{key}'.{nearest(key, known)}")
    for name, declared in known.items():
        required = (
            declared.default is dataclasses.MISSING
            and declared.default_factory is dataclasses.MISSING
        )
        if required and name not in values:
            raise UsageError(f"{source}: key '{name}' is missing.")
    written = values.pop("contract")
    for key in written:
        if key in FILE_KEYS:
            raise UsageError(
                f"{source}: contract: '{key}' says which files of a checkpoint encode; it belongs "
                f"into the checkpoint's own {CONFIG_NAME}."
            )
    lengths = {}
    if "layout" in values and "context_length" in values:  # files may still name a smaller limit
        lengths = dict.fromkeys(_LENGTHS, values["context_length"])
    contract = EncoderConfig.from_dict(lengths | written, f"{source}: contract")
    for score in values.get("scores", []):
        if missing := {"dataset", "metric", "value", "source"} - set(score):
            raise UsageError(f"{source}: a score lacks {', '.join(sorted(missing))}.")
    return Preset(contract=contract, written=frozenset(written), **values)


def local_checkpoint(name: str) -> Path | None:
    """The folder of this name, if there is one that holds a checkpoint."""
    try:
        holds = any((Path(name) / file).is_file() for file in CHECKPOINT_FILES)
    except OSError:  # a name that is too long for a path
        return None
    return Path(name) if name and holds else None


def find(name: str) -> Preset | None:
    """The preset of this name, or of this Hub repository, if any.

    A local folder of that name that holds a checkpoint wins: then there is no preset.
    """
    if local_checkpoint(name) is not None:
        return None
    return find_preset(name)


def find_preset(name: str) -> Preset | None:
    """The preset of this name, or of this Hub repository, whatever folders there are."""
    known = presets()
    repository = name.casefold()  # as the Hub compares them
    of_hub = (p for p in known.values() if p.repository and p.repository.casefold() == repository)
    return known.get(name) or next(of_hub, None)


def unknown_name(name: str) -> UsageError:
    """The error for a name that is no preset, no folder and no Hub id."""
    return UsageError(
        f"Unknown encoder '{name}'.{nearest(name, presets())} Known names are listed by 'python -m "
        "llm_encoders.models'; a folder with a checkpoint or a Hub id (organisation/repository) "
        "works as well."
    )
