"""Named encoders: the presets that ship as YAML, and the written form of an encoder's name."""

import dataclasses
import functools
import re
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from llm_encoders.config import CONFIG_NAME, EncoderConfig
from llm_encoders.errors import UsageError, nearest
from llm_encoders.reading import parse_yaml

SPEC_OPTIONS = ("paradigm", "like", "backbone", "device", "dtype", "quantization")
CONTRACT_KEYS = tuple(field.name for field in dataclasses.fields(EncoderConfig))
CHECKPOINT_FILES = (CONFIG_NAME, "adapter_config.json", "config.json")
_OPTION = re.compile(r",([a-z_]+)=")


@dataclass(frozen=True)
class Preset:
    """One named encoder: where its weights are and how to use and cite them."""

    name: str
    description: str
    licence: str
    citation: str
    contract: EncoderConfig
    adapter: str | None = None
    """Hub id of the LoRA adapter."""
    model: str | None = None
    """Hub id of a whole model, which has no adapter."""
    backbone: str | None = None
    """Hub id of the backbone under the adapter."""
    folder: str | None = None
    """Checkpoint folder inside this package, for weights that ship with it."""
    unavailable: str | None = None
    """Why there is nothing to load, and what to do; set for sizes nobody has published."""
    scores: list[dict[str, Any]] = field(default_factory=list)
    """Published figures, each with ``dataset``, ``metric``, ``value`` and ``source``."""

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
    values = parse_yaml(text, source)
    known = {f.name: f for f in dataclasses.fields(Preset)}
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
    contract = EncoderConfig.from_dict(values.pop("contract"), f"{source}: contract")
    for score in values.get("scores", []):
        if missing := {"dataset", "metric", "value", "source"} - set(score):
            raise UsageError(f"{source}: a score lacks {', '.join(sorted(missing))}.")
    return Preset(contract=contract, **values)


def local_checkpoint(name: str) -> Path | None:
    """The folder of this name, if there is one that holds a checkpoint."""
    try:
        holds = any((Path(name) / file).is_file() for file in CHECKPOINT_FILES)
    except OSError:  # a name that is too long for a path
        return None
    return Path(name) if name and holds else None


def find(name: str) -> Preset | None:
    """The preset of this name, or whose adapter is this Hub repository, if any.

    A local folder of that name that holds a checkpoint wins: then there is no preset.
    """
    if local_checkpoint(name) is not None:
        return None
    return find_preset(name)


def find_preset(name: str) -> Preset | None:
    """The preset of this name, or of this Hub repository, whatever folders there are."""
    known = presets()
    return known.get(name) or next((p for p in known.values() if p.repository == name), None)


def parse_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Split ``NAME[,option=value]…`` into the name and its options.

    The written form works wherever only a name can be passed, e.g. ``--encoder
    my/adapter,dtype=float32,backbone=/models/llama``. Options are those of
    :func:`llm_encoders.load_encoder` and the keys of a contract. A value may hold commas, up to
    the next ``,option=``. An existing path is never split.

    Raises:
        UsageError: the name is empty, or an unknown option; names the nearest.
    """
    if not spec.strip():
        raise UsageError("The encoder's name is empty; name one, e.g. llm-splade-tiny.")
    if _exists(spec):
        return spec, {}
    name, *parts = _OPTION.split(spec)
    options = dict(zip(parts[::2], parts[1::2], strict=True))
    known = (*SPEC_OPTIONS, *(key for key in CONTRACT_KEYS if key not in SPEC_OPTIONS))
    for key in options:
        if key not in known:
            raise UsageError(
                f"Encoder '{spec}': unknown option '{key}'.{nearest(key, known)} Options: "
                f"{', '.join(SPEC_OPTIONS)}, and the keys of a contract "
                f"({', '.join(known[len(SPEC_OPTIONS) :])})."
            )
    if not name.strip():
        raise UsageError(f"Encoder '{spec}': the name before the options is empty.")
    return name, options


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # too long for a path
        return False


def unknown_name(name: str) -> UsageError:
    """The error for a name that is no preset, no folder and no Hub id."""
    known = presets()
    return UsageError(
        f"Unknown encoder '{name}'.{nearest(name, known)} Known names: {', '.join(known)}; "
        "a folder with a checkpoint or a Hub id (organisation/repository) works as well."
    )
