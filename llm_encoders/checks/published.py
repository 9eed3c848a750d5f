"""What the publisher of a checkpoint says of it, whatever contract is in use."""

import re
from dataclasses import dataclass
from pathlib import Path

from llm_encoders import registry
from llm_encoders.checkpoints.agreement import agreed
from llm_encoders.checkpoints.layouts import read_layout
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.config import CONTRACT_KEYS, EncoderConfig
from llm_encoders.errors import EncoderError
from llm_encoders.sides import SIDES

_CACHED = re.compile(r"models--(?P<organisation>.+?)--(?P<repository>.+)")


@dataclass(frozen=True)
class Published:
    """A contract by other hands than those that wrote ``encoder_config.json``."""

    contract: EncoderConfig
    sources: dict[str, str]
    """What says the value of a key: a file or a preset."""
    origin: str
    """What says the others: a preset or the layout, in words."""
    by_preset: bool = False

    def source(self, *keys: str) -> str:
        """What says the values of these keys."""
        files = dict.fromkeys(self.sources[key] for key in keys if key in self.sources)
        return ", ".join(files) or self.origin

    @property
    def has_prompts(self) -> bool:
        """Whether it says what is put before texts, rather than nothing of it."""
        sides = (self.contract.side(name) for name in SIDES)
        return self.by_preset or any(side.prefix or side.template for side in sides)


def published(files: Checkpoint) -> Published | str:
    """What is known of a checkpoint besides its ``encoder_config.json``, or why nothing is.

    That is the preset of its repository, and what this leaves open in the files that the
    publisher's own library reads; where there is no preset, those files alone.
    """
    try:
        derived = read_layout(files.folder, CONTRACT_KEYS)
        preset = _preset(files)
        if preset is not None:
            named = f"the preset {preset.name}"
            # The files may have been changed, so that they need not agree with the preset.
            contract = agreed(preset, derived, files.folder, CONTRACT_KEYS)
            of_files = derived.sources if derived is not None and preset.layout else {}
            sources = of_files | dict.fromkeys(preset.written, named)
            return Published(contract, sources, named, by_preset=True)
    except EncoderError as error:
        return f"the publisher's files do not settle it: {error}"
    if derived is None:
        return "no file besides the contract and no preset says how it encodes"
    return Published(derived.contract, derived.sources, f"the layout of {derived.layout}")


def _preset(files: Checkpoint) -> registry.Preset | None:
    """The preset of the repository that a name or a folder stands for; not those that only point
    to a folder of this package, whose contract lies in it."""
    for name in (files.name, *_repositories(files.folder)):
        preset = registry.find_preset(name)
        if preset is not None and preset.repository is not None and not preset.unavailable:
            return preset
    return None


def _repositories(folder: Path) -> list[str]:
    """Hub ids that a folder may be a copy of: its last two names, or that of the Hub's cache."""
    parts = folder.resolve().parts
    cached = (_CACHED.fullmatch(part) for part in parts)
    found = [f"{match['organisation']}/{match['repository']}" for match in cached if match]
    return ["/".join(parts[-2:]), *found]
