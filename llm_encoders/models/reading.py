"""The contract of a folder or Hub repository, with the file behind each value."""

from dataclasses import dataclass, field
from pathlib import Path

from llm_encoders import registry
from llm_encoders.checkpoints.adapter_stack import no_model
from llm_encoders.checkpoints.contract import contract_of
from llm_encoders.checkpoints.layouts.derived import Derived
from llm_encoders.checkpoints.resolve import files_of, written_changes
from llm_encoders.checkpoints.teacher import TEACHER_NAME, Teacher
from llm_encoders.config import (
    CONFIG_NAME,
    CONTRACT_KEYS,
    FILE_KEYS,
    QUERY_ENCODERS,
    TEACHER,
    EncoderConfig,
    concerns,
)
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.models.contract import shown
from llm_encoders.reading import read_object
from llm_encoders.spec import parse_spec

_DEFAULT = "default"


@dataclass(frozen=True)
class Reading:
    """What a checkpoint's files say of how it encodes."""

    name: str
    folder: Path
    layout: str
    contract: EncoderConfig
    sources: dict[str, str]
    """What stands behind each key; a file is relative to the folder."""
    elsewhere: dict[str, str] = field(default_factory=dict)
    """What encodes the ``"query"`` or the ``"passage"`` side, where it is not this model."""

    def table(self) -> str:
        """One key a line: value, and what stands behind it."""
        head = [f"{self.name} in {self.folder}", f"layout: {self.layout}"]
        head += [f"{side} side: {what}" for side, what in self.elsewhere.items()]
        head.append("")
        hidden = tuple(f"{side}_" for side in self.elsewhere)
        keys = [
            key
            for key in CONTRACT_KEYS
            if concerns(key, self.contract.paradigm)
            and (key in FILE_KEYS or not key.startswith(hidden))
        ]
        rows = [
            (key, shown(getattr(self.contract, key)), self.sources.get(key, _DEFAULT))
            for key in keys
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        return "\n".join(
            head + [f"{k:<{widths[0]}}  {v:<{widths[1]}}  {source}" for k, v, source in rows]
        )

    def write(self, path: Path, overwrite: bool) -> Path:
        """Write the contract.

        Args:
            path: a folder, for its ``encoder_config.json``, or a file.
            overwrite: whether a file that exists is replaced.

        Returns:
            The file.

        Raises:
            UsageError: the file exists, or its folder does not.
        """
        place = path / CONFIG_NAME if path.is_dir() else path
        if place.exists() and not overwrite:
            raise UsageError(f"{place} exists; give --overwrite to replace it.")
        if not place.parent.is_dir():
            raise UsageError(f"{place.parent} is no folder; make it first.")
        try:
            write_atomically(place, self.contract.text())
        except OSError as error:
            raise EncoderError(f"{place}: {error.strerror}.") from None
        return place


def read(spec: str) -> Reading:
    """Read the files of a folder or Hub repository; of the latter, no weights are fetched.

    Raises:
        UsageError: the name is unknown, or the files do not settle a contract.
        EncoderError: the files cannot be had or are damaged.
    """
    name, written = parse_spec(spec)
    folder, preset = files_of(name, weights=False)
    if not any((folder / file).is_file() for file in registry.CHECKPOINT_FILES):
        raise no_model(folder, name)
    like, changes = written.get("like"), written_changes(written)
    contract, derived = contract_of(name, folder, preset, written.get("paradigm"), like, changes)
    layout, sources = _sources(folder, preset, derived, like)
    sources |= dict.fromkeys(changes, "given")
    return Reading(name, folder, layout, contract, sources, _elsewhere(folder, contract))


def _elsewhere(folder: Path, contract: EncoderConfig) -> dict[str, str]:
    """The sides that another encoder encodes, and which one.

    Raises:
        EncoderError: a teacher that is absent or damaged.
    """
    found = {}
    if contract.query_encoder not in QUERY_ENCODERS:
        found["query"] = f"encoded as {folder / contract.query_encoder / CONFIG_NAME} says"
    if contract.passage_encoder == TEACHER:
        found["passage"] = f"encoded by {Teacher.load(folder).name}, which {TEACHER_NAME} names"
    return found


def _sources(
    folder: Path, preset: registry.Preset | None, derived: Derived | None, like: str | None
) -> tuple[str, dict[str, str]]:
    """The layout in words, and what stands behind each key before the user replaces some."""
    if (folder / CONFIG_NAME).is_file():
        return "this package", dict.fromkeys(read_object(folder / CONFIG_NAME), CONFIG_NAME)
    if like is not None:
        return f"none that is read; like={like}", dict.fromkeys(CONTRACT_KEYS, f"like={like}")
    layout, sources = "this package", {}
    if derived is not None:
        layout = derived.layout
        sources = {
            key: f"{file}, which does not say" if key in derived.assumed else file
            for key, file in derived.sources.items()
        }
    if preset is not None:
        keys = CONTRACT_KEYS if preset.layout is None else preset.written
        sources |= dict.fromkeys(keys, f"the preset {preset.name}")
    return layout, sources
